# Everything a newcomer needs. `make` installs what is missing into the checkout; nothing needs root.
PYTHON ?= python3
ARGS ?=
TOOLS := .tools
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
HUB := $(TOOLS)/mercure
# An uv on the PATH serves; otherwise one is put into the checkout.
UV := $(or $(shell command -v uv 2>/dev/null),$(TOOLS)/uv/bin/uv)
# Bytecode is kept whatever the shell says: else each process of a test run compiles all of it anew.
unexport PYTHONDONTWRITEBYTECODE

CATALOGUES := $(wildcard fototui/i18n/*.po)

.PHONY: help setup demo test test-quick test-conditions chaos peers check audit format lock migration catalogues hub docs screens man bench clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

# Bytecode is made here, so that the first start is like the second, also where Python may not write it.
setup: $(VENV)/.done $(CATALOGUES:.po=.mo) ## Install everything into the checkout
	@$(BIN)/python -m compileall -q fototui migrations

$(TOOLS)/uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("fototui needs Python 3.11 or newer; set PYTHON=…") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(TOOLS)/uv
	@$(TOOLS)/uv/bin/pip install --quiet 'uv>=0.9'

$(VENV)/.done: $(LOCK) pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCK)
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

fototui/i18n/%.mo: fototui/i18n/%.po | $(VENV)/.done
	@$(BIN)/pybabel --quiet compile -i $< -o $@ -l $*

demo: setup ## Run the demo: ARGS="--headless --json"
	@$(BIN)/fototui demo $(ARGS)

# More processes than two cores: much of what tests do is to wait for other processes.
PYTEST := $(BIN)/python -m pytest -n 4 --dist worksteal
test: setup hub ## Run every test: ARGS="tests/domain -k flags"
	@$(PYTEST) $(ARGS)

test-quick: setup hub ## Run what one runs at each save: single parts, and a thin path through all
	@$(PYTEST) -m quick $(ARGS)

# The suite under all that it must not depend on, in four runs: another day, another zone, no
# language, a busy machine. The first three have an order of their own besides, so that three orders
# cost no run more. All are made, whatever one of them finds, and those that failed are named at the
# end. ARGS narrows them down as it does for `test`.
test-conditions: setup hub ## Run every test on another day, elsewhere, in other orders, on a busy machine
	@failed=; loops=; folder=$$(mktemp -d) && chmod 755 $$folder || exit 1; \
	trap 'rm -r $$folder; test -z "$$loops" || kill $$loops' EXIT; trap 'exit 130' INT TERM; \
	run() { name=$$1; shift; echo "$$name:"; env "$$@" $(PYTEST) -q $(ARGS) || failed="$$failed; $$name"; }; \
	if cc -shared -fPIC -O2 -o $$folder/later.so tests/later.c; then \
		run "400 days from now, in order 1" TEST_ORDER=1 TEST_LATER=1 LD_PRELOAD=$$folder/later.so; \
	else echo "No C compiler for tests/later.c: no run on another day" >&2; \
		run "In order 1" TEST_ORDER=1; fi; \
	run "In Auckland, in order 2" TEST_ORDER=2 TZ=Pacific/Auckland; \
	run "Without a language, in order 3" -u LANGUAGE TEST_ORDER=3 LANG=C LC_ALL=C; \
	for _ in 1 2 3 4; do sh -c 'while :; do :; done' & loops="$$loops $$!"; done; \
	run "Beside four busy loops"; \
	test -z "$$failed" || { echo "Failed: $${failed#; }" >&2; exit 1; }

chaos: setup ## Kill, freeze, cut and lie, then audit everything: ARGS="--seed 7 --only kills,hub"
	@$(BIN)/python -m chaos $(ARGS)

# Vulnerabilities are told and let pass here: what is known depends on the day, and on a service that
# is not always reached. `make audit` fails by them, as does the usual host's own run of it.
check: setup ## Format, lint, strict types, import contracts, packages that fit together, known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(UV) pip check --quiet --python $(BIN)/python
	@$(BIN)/python deploy/audit.py --warn $(UV) $(LOCK)

audit: $(UV) ## Look the pinned packages up among known vulnerabilities
	@$(PYTHON) deploy/audit.py $(UV) $(LOCK)

# What can be had is installed, where one may; tests of what is not there are skipped and say why.
GATEWAY := github.com/versity/versitygw/cmd/versitygw@v1.8.0
peers: setup hub ## Run tests against other peers: PostgreSQL 15, PgBouncer, another S3, the reference hub
	@test -x /usr/lib/postgresql/15/bin/postgres -a -x /usr/sbin/pgbouncer || { test "$$(id -u)" = 0 && \
		command -v apt-get >/dev/null && apt-get install -y -qq postgresql-15 pgbouncer >/dev/null; } || \
		echo "PostgreSQL 15 or PgBouncer is not installed (Debian: apt-get install postgresql-15 pgbouncer)" >&2
	@test -x $(TOOLS)/versitygw || { command -v go >/dev/null && GOBIN=$(CURDIR)/$(TOOLS) go install $(GATEWAY); } || \
		echo "versitygw cannot be built: it needs Go and its module proxy" >&2
	@failed=; for peer in postgresql-15 pgbouncer versitygw mercure; do echo "Against $$peer:"; \
		PEER=$$peer $(BIN)/python -m pytest -n 2 --dist worksteal -q -m peers $(ARGS) || failed="$$failed $$peer"; \
	done; test -z "$$failed" || { echo "Failed against:$$failed" >&2; exit 1; }

format: setup ## Put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: | $(UV) ## Write the lock file anew from pyproject.toml
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --all-extras --group dev --group docs --group build pyproject.toml -o $(LOCK)
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header bench/requirements.in -o bench/requirements.txt

migration: setup ## Begin a migration: ABOUT="orders have a colour"
	@test -n "$(ABOUT)" || { echo 'Say what it does: make migration ABOUT="orders have a colour"' >&2; exit 2; }
	@$(BIN)/alembic revision --message "$(ABOUT)"

# Texts are found by the names of what takes them: `make` is a Sentence's, with or without a plural;
# beside it every class of error, since each may be raised with a text of its own.
ERRORS := AccountError AmbiguousRecordError BackupError ClaimLostError ClosedError ConfigurationError \
	ConflictError DatabaseError \
	DatabaseUnavailableError FileMissingError FototuiError HeadersTooLargeError InProgressError InvalidInputError \
	LockNotAcquiredError MalformedWebhookError MissingOrderError NotFoundError OutsideError \
	PermanentError PictureBrokenError PictureDecidedError PictureError PictureMissingError \
	PictureTakenError PictureTooBigError PostgresError ReadOnlyError RecordLockedError \
	RecordNotFoundError RequestTimeoutError ResultGoneError SaveError SchemaError TokenError \
	TooLargeError TransientError UnauthorizedError UnexpectedError UnexpectedStatusError \
	UnusableResultError \
	WrongSignatureError

catalogues: setup ## Bring the translations' catalogues up to the program's texts
	@PYTHONPATH=. $(BIN)/pybabel --quiet extract --no-location --sort-output -F babel.cfg \
		-k N_ -k _ -k ngettext:1,2 -k czech -k Status:3 \
		-k make -k make:1,2,3t -k make:1,2,4t -k make:1,2,5t -k make:1,2,6t -k make:1,2,7t \
		$(ERRORS:%=-k %) -o $(TOOLS)/fototui.pot fototui
	@for language in cs en; do \
		$(BIN)/pybabel --quiet update --no-fuzzy-matching --no-wrap --ignore-obsolete --ignore-pot-creation-date -i $(TOOLS)/fototui.pot \
			-o fototui/i18n/$$language.po -l $$language; \
		$(BIN)/pybabel --quiet compile -i fototui/i18n/$$language.po -o fototui/i18n/$$language.mo -l $$language; done

hub: ## Build the reference Mercure hub, which the tests hold ours against (needs Go)
	@if test -x $(HUB); then :; elif command -v go >/dev/null; then \
		cd tests/mercure/reference_hub && \
		go build -tags deprecated_server,deprecated_transport -o $(CURDIR)/$(HUB) github.com/dunglas/mercure/cmd/mercure; \
	else echo "Go is not installed: tests against the reference hub will be skipped" >&2; fi

docs: setup ## Build the site into site/; a broken link is an error
	@PYTHONPATH=. NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

screens: setup ## Make the README's screenshots anew
	@PYTHONPATH=. $(BIN)/python docs/screens.py

man: setup ## Write the man page anew from the commands
	@PYTHONPATH=. $(BIN)/python -m docs.reference.man

bench: setup $(TOOLS)/bench/.done ## Measure the program beside others and what it stands on: ARGS="--only jobs"
	@$(BIN)/python -m bench $(ARGS)

# The queues that it is measured beside. Where they cannot be had, their columns stay empty.
$(TOOLS)/bench/.done: bench/requirements.txt | $(UV)
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(TOOLS)/bench && \
		$(UV) pip sync --quiet --compile-bytecode --python $(TOOLS)/bench/bin/python --require-hashes $< && \
		touch $@ || { rm -rf $(TOOLS)/bench; echo "The other queues cannot be had: they are left out" >&2; }

clean: ## Remove what make installed
	rm -rf $(VENV) $(TOOLS)

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

.PHONY: help setup demo test test-quick test-conditions chaos peers check format lock catalogues hub keys screens bench clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

setup: $(VENV)/.done ## Install everything into the checkout

$(TOOLS)/uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("fototui needs Python 3.11 or newer; set PYTHON=…") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(TOOLS)/uv
	@$(TOOLS)/uv/bin/pip install --quiet 'uv>=0.9'

$(VENV)/.done: $(LOCK) pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python '>=3.11' $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes $(LOCK)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run the demo: ARGS="--headless --json"
	@$(BIN)/fototui demo $(ARGS)

test: setup hub ## Run every test: ARGS="tests/unit -k flags"
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-quick: setup hub ## Run what one runs at each save: single parts, and a thin path through all
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m quick $(ARGS)

# The suite under all that it must not depend on; ARGS narrows it down as it does for `test`.
PYTEST := $(BIN)/python -m pytest -n 3 --dist worksteal -q $(ARGS)
test-conditions: setup hub ## Run every test on another day, elsewhere, in other orders, on a busy machine
	@if folder=$$(mktemp -d) && chmod 755 $$folder && cc -shared -fPIC -O2 -o $$folder/later.so tests/later.c; then \
		echo "400 days from now:"; TEST_LATER=1 LD_PRELOAD=$$folder/later.so $(PYTEST); status=$$?; rm -r $$folder; exit $$status; \
	else echo "No C compiler for tests/later.c: no run on another day" >&2; fi
	@echo "In Auckland:"; TZ=Pacific/Auckland $(PYTEST)
	@echo "Without a language:"; env -u LANGUAGE -u LC_ALL LANG=C LC_ALL=C $(PYTEST)
	@for seed in 1 2 3; do echo "In order $$seed:"; TEST_ORDER=$$seed $(PYTEST) || exit 1; done
	@echo "Beside four busy loops:"; \
		loops=; for _ in 1 2 3 4; do sh -c 'while :; do :; done' & loops="$$loops $$!"; done; \
		trap 'kill $$loops' EXIT; $(PYTEST)

chaos: setup ## Kill, freeze, cut and lie, then audit everything: ARGS="--seed 7 --only kills,hub"
	@$(BIN)/python -m chaos $(ARGS)

check: setup ## Format, lint, strict types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

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
		--no-header --all-extras --group dev --group build pyproject.toml -o $(LOCK)

# Texts are found by the names of what takes them: `make` is a Sentence's, with or without a plural;
# beside it every class of error, since each may be raised with a text of its own.
ERRORS := AccountError AmbiguousRecordError BackupError ClaimLostError ClosedError ConfigurationError \
	ConflictError DatabaseError \
	DatabaseUnavailableError FileMissingError FototuiError HeadersTooLargeError InvalidInputError \
	LockNotAcquiredError MalformedWebhookError MissingOrderError NotFoundError OutsideError \
	PermanentError PictureBrokenError PictureDecidedError PictureError PictureMissingError \
	PictureTakenError PictureTooBigError PostgresError ReadOnlyError RecordLockedError \
	RecordNotFoundError RequestTimeoutError ResultGoneError SaveError SchemaError TokenError \
	TooLargeError TransientError UnauthorizedError UnexpectedError UnexpectedStatusError \
	WrongSignatureError

# The languages' catalogues are read as they stand; there is nothing to compile.
catalogues: setup ## Bring the translations' catalogues up to the program's texts
	@$(BIN)/pybabel --quiet extract --no-location --sort-output -F babel.cfg \
		-k N_ -k _ -k ngettext:1,2 -k czech -k Status:3 \
		-k make -k make:1,2,3t -k make:1,2,4t -k make:1,2,5t -k make:1,2,6t -k make:1,2,7t \
		$(ERRORS:%=-k %) -o $(TOOLS)/fototui.pot fototui
	@for language in cs en; do \
		$(BIN)/pybabel --quiet update --no-fuzzy-matching --no-wrap --ignore-obsolete --ignore-pot-creation-date -i $(TOOLS)/fototui.pot \
			-o fototui/i18n/$$language.po -l $$language; done

hub: ## Build the reference Mercure hub, which the tests hold ours against (needs Go)
	@if test -x $(HUB); then :; elif command -v go >/dev/null; then \
		cd tests/mercure/reference_hub && \
		go build -tags deprecated_server,deprecated_transport -o $(CURDIR)/$(HUB) github.com/dunglas/mercure/cmd/mercure; \
	else echo "Go is not installed: tests against the reference hub will be skipped" >&2; fi

keys: setup ## Write the README's table of keys anew
	@PYTHONPATH=. $(BIN)/python docs/keys.py

screens: setup ## Make the README's screenshots anew
	@PYTHONPATH=. $(BIN)/python docs/screens.py

bench: setup ## Measure the engine itself
	@$(BIN)/python -m bench.jobs
	@$(BIN)/python -m bench.live
	@$(BIN)/python -m bench.start
	@$(BIN)/python -m bench.books

clean: ## Remove what make installed
	rm -rf $(VENV) $(TOOLS)

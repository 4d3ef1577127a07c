"""`fototui costs`: what outside services were paid."""

import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from fototui.cli.output import print_json, print_table
from fototui.cli.runner import run_service, settings_for_command
from fototui.domain.costs import Costs, Prices, Spent
from fototui.domain.errors import InvalidInputError
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.i18n import N_, _
from fototui.services.costs.service import CostGroup, CostsBy, CostService
from fototui.widgets.version_words import options_words

_TITLES = {
    CostsBy.DAY: N_("Day"),
    CostsBy.MONTH: N_("Month"),
    CostsBy.ORDER: N_("Order"),
    CostsBy.OPTIONS: N_("Lane"),
    CostsBy.OPERATOR: N_("Operator"),
}
_OPTIONS = ("megapixels", "steps", "shape_stacking", "group_by")


def costs(
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only calls of this day and later."),
    ] = None,
    by: Annotated[CostsBy, typer.Option(help="What to tell apart.")] = CostsBy.DAY,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what RunPod and Vectorizer.ai were paid, and how much of it in vain.

    Money is told where the settings know the prices. Days and months are the shop's (TIMEZONE).
    """
    if as_csv and as_json:
        raise InvalidInputError("Choose one of --csv and --json.")
    settings = settings_for_command()
    begin = None if since is None else since.date()
    groups = run_service(
        settings,
        CostService,
        lambda service: service.report(by, settings.timezone, begin=begin),
    )
    rows = [_row(group, by, settings.prices) for group in groups]
    if as_json:
        print_json(rows)
    elif as_csv:
        _print_csv(rows, by)
    else:
        _print_table(groups, by, settings.prices)


def _row(group: CostGroup, by: CostsBy, prices: Prices) -> Mapping[str, object]:
    """A group for programs: one flat object, the same for JSON and CSV."""
    options = group.options or {}
    named: dict[str, object] = {str(by): group.name}
    if by is CostsBy.OPTIONS:
        named = {"lane": group.name, **{name: options.get(name) for name in _OPTIONS}}
    return {
        **named,
        "versions": group.versions,
        "chosen": group.chosen,
        **_numbers(group.costs.total, prices),
        **{f"wasted_{name}": n for name, n in _numbers(group.costs.wasted, prices).items()},
        "currency": prices.currency if prices.any else None,
    }


def _numbers(spent: Spent, prices: Prices) -> Mapping[str, int | float | None]:
    cost = prices.cost(spent)
    return {
        "calls": spent.calls,
        "seconds": spent.seconds,
        "delay_seconds": spent.delay_ms / 1000,
        "credits": spent.credits,
        "cost": None if cost is None else float(round(cost, 6)),
    }


def _print_csv(rows: Sequence[Mapping[str, object]], by: CostsBy) -> None:
    # The head stands there also where nothing was paid, for programs that go by names.
    nothing = _row(CostGroup(None, Costs(), versions=0, chosen=0), by, Prices())
    writer = csv.DictWriter(sys.stdout, list(nothing), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_table(groups: Sequence[CostGroup], by: CostsBy, prices: Prices) -> None:
    options = by is CostsBy.OPTIONS
    print_table(
        (
            _(_TITLES[by]),
            *([_("Options")] if options else []),
            _("Versions"),
            *([_("Chosen")] if options else []),
            _("Calls"),
            _("Seconds"),
            _("Credits"),
            _("Cost"),
            _("Wasted"),
        ),
        [
            (
                group.name or "–",
                *([_options(group)] if options else []),
                group.versions,
                *([group.chosen] if options else []),
                group.costs.total.calls,
                float(group.costs.total.seconds),
                float(group.costs.total.credits),
                prices.told(group.costs.total) if prices.any else None,
                _wasted(group.costs.wasted, prices),
            )
            for group in groups
        ],
    )


def _options(group: CostGroup) -> str:
    options = group.options or {}
    match options:
        case {"megapixels": int() | float() as megapixels, "steps": int() as steps}:
            return options_words(ColoringOptions(megapixels, steps))
        case {"shape_stacking": str() as stacking, "group_by": str() as group_by}:
            return options_words(SvgOptions(ShapeStacking(stacking), GroupBy(group_by)))
    known = {name: options[name] for name in _OPTIONS if options.get(name) is not None}
    return ", ".join(f"{name} {value}" for name, value in known.items())


def _wasted(wasted: Spent, prices: Prices) -> Sentence | None:
    return prices.told(wasted) if wasted.execution_ms or wasted.credits else None

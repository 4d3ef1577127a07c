"""All pipelines: the `ENTRY` of each module beside this one, in the order of `LANES`."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from fototui.domain.lanes import LANES
from fototui.domain.statuses import JobKind
from fototui.engine import pipelines
from fototui.engine.pipelines.opening import PipelineEntry


def _find() -> Mapping[JobKind, PipelineEntry]:
    names = {module.name for module in iter_modules(pipelines.__path__)} - {"opening", "registry"}
    modules = (import_module(f"{pipelines.__name__}.{name}") for name in sorted(names))
    entries: dict[JobKind, PipelineEntry] = {each.ENTRY.kind: each.ENTRY for each in modules}
    return {kind: entries[kind] for kind in LANES if kind in entries}


PIPELINES = _find()

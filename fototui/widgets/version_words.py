"""How a version is called under its picture."""

from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.i18n import _, ngettext, number
from fototui.services.views.versions import VersionView


def version_words(view: VersionView) -> str:
    """A version in a few words: its number, its options, whether it is chosen."""
    parts = [f"v{view.version}"]
    match view.options:
        case ColoringOptions(megapixels=megapixels, steps=steps):
            made_in = ngettext("{count} step", "{count} steps", steps).format(count=steps)
            parts.append(f"{number(megapixels)} Mpx, {made_in}")
        case SvgOptions(shape_stacking=stacking, group_by=group_by):
            parts.append(f"{_(stacking.label)}, {_(group_by.label)}")
    return " · ".join([*parts, *(["★"] if view.selected else [])])

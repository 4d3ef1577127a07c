"""What is said of a version in a few words."""

from datetime import datetime, tzinfo

from fototui.domain.lanes import LANES
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.statuses import JobKind, VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, number, short_time, translate
from fototui.services.views.orders import ImageView
from fototui.services.views.versions import VersionView


def kind_word(kind: str) -> str:
    """A kind of job, or its lane, in words; one that is not known here as it is."""
    return translate(LANES[JobKind(kind)].label) if kind in set(JobKind) else clean_line(kind)


def options_words(options: ColoringOptions | SvgOptions) -> str:
    """What a version is made with."""
    match options:
        case ColoringOptions(megapixels=megapixels, steps=steps):
            made_in = ngettext("{count} step", "{count} steps", steps).format(count=steps)
            return f"{number(megapixels)} Mpx, {made_in}"
        case SvgOptions(shape_stacking=stacking, group_by=group_by):
            return f"{_(stacking.label)}, {_(group_by.label)}"


def version_words(view: VersionView) -> str:
    """A version as it is called under its picture: number, options, whether it is chosen."""
    parts = [f"v{view.version}"]
    if view.options is not None:
        parts.append(options_words(view.options))
    return " · ".join([*parts, *(["★"] if view.selected else [])])


def approval_words(image: ImageView, kind: VersionType, *, zone: tzinfo, now: datetime) -> str:
    """Who chose an image's version and when; nothing where no operator did.

    Args:
        image: The image.
        kind: The kind of version.
        zone: In which times are shown.
        now: The present moment: of today's choices the time of day is enough.
    """
    at = image.chosen_at(kind)
    if at is None or image.chosen_id(kind) is None:
        return ""
    local = at.astimezone(zone)
    is_today = local.date() == now.astimezone(zone).date()
    time = f"{local:%H:%M}" if is_today else short_time(at, zone)
    if (operator := image.chosen_by(kind)) is None:
        return _("approved {time}").format(time=time)
    name = clean_line(operator, limit=40)
    return _("approved by {operator} {time}").format(operator=name, time=time)

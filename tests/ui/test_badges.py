"""Every status has a sign of its own kind, told by shape as well as by colour."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from fototui.domain.badges import Badge
from fototui.domain.flags import Colour
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.i18n import set_language
from fototui.services.views.orders import ImageView
from fototui.widgets.badges import badge_in_words, legend, narrow_legend, sign, status_colour
from fototui.widgets.version_words import approval_words


@pytest.mark.parametrize(
    ("status", "shown", "plain"),
    [
        (None, "·", "."),
        (ColoringProcessingStatus.PENDING, "○", "-"),
        (ColoringProcessingStatus.QUEUED, "○", "-"),
        (ColoringProcessingStatus.RUNPOD_SUBMITTED, "◐", "o"),
        (ColoringProcessingStatus.STORAGE_UPLOAD, "◐", "o"),
        (ColoringProcessingStatus.COMPLETED, "◉", "O"),
        (ColoringProcessingStatus.ERROR, "✗", "x"),
        (ColoringProcessingStatus.RUNPOD_CANCELLED, "⊘", "/"),
        (SvgProcessingStatus.VECTORIZER_PROCESSING, "◐", "o"),
        (SvgProcessingStatus.COMPLETED, "◉", "O"),
        (SvgProcessingStatus.ERROR, "✗", "x"),
    ],
)
def test_signs(
    status: ColoringProcessingStatus | SvgProcessingStatus | None, shown: str, plain: str
) -> None:
    badge = Badge.of(status)
    assert sign(badge)[0] == shown
    assert sign(badge, ascii=True)[0] == plain


def test_signs_differ_without_colour() -> None:
    for place in (0, 1):
        assert len({kind.value[place] for kind in Badge}) == len(Badge)
    assert all(kind.value[1].isascii() for kind in Badge)


def test_every_status_has_a_badge() -> None:
    for status in (*ColoringProcessingStatus, *SvgProcessingStatus):
        assert Badge.of(status) is not Badge.NONE
        assert Badge.of(status).is_active is not status.meta.is_final


def test_every_colour_has_a_style() -> None:
    assert len({status_colour(colour) for colour in Colour}) == len(Colour)


DONE, WORKING = SvgProcessingStatus.COMPLETED, SvgProcessingStatus.STORAGE_UPLOAD


@pytest.mark.parametrize(
    ("status", "is_approved", "is_out_of_date", "badge"),
    [
        (DONE, False, False, Badge.MADE),
        (DONE, True, False, Badge.APPROVED),
        (DONE, False, True, Badge.OUT_OF_DATE),
        (DONE, True, True, Badge.OUT_OF_DATE),
        (WORKING, True, True, Badge.RUNNING),
        (SvgProcessingStatus.ERROR, True, True, Badge.ERROR),
        (None, False, False, Badge.NONE),
    ],
)
def test_made_is_not_approved(
    status: SvgProcessingStatus | None, is_approved: bool, is_out_of_date: bool, badge: Badge
) -> None:
    judged = Badge.judged(status, is_approved=is_approved, is_out_of_date=is_out_of_date)
    assert judged is badge


def test_green_is_approved_and_nothing_else() -> None:
    green = [badge for badge in Badge if sign(badge)[1] == status_colour(Colour.GREEN)]
    assert green == [Badge.APPROVED]


def test_the_legend_names_every_sign() -> None:
    lines = [line.plain for line in legend()]
    assert [line.split()[0] for line in lines] == [sign(badge)[0] for badge in Badge]
    assert len({line.split(maxsplit=1)[1] for line in lines}) == len(Badge)


@pytest.mark.parametrize("language", ["en", "cs"])
def test_the_legend_fits_into_a_narrow_pane(language: str) -> None:
    set_language(language)
    lines = narrow_legend(34).plain.splitlines()
    for meaning in legend():
        assert sum(meaning.plain in line for line in lines) == 1, meaning
    assert len(lines) == 4
    assert max(map(cell_len, lines)) <= 34


NOW = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, ""),
        ({"coloring_chosen_at": NOW}, ""),
        (
            {
                "selected_coloring_id": 1,
                "coloring_chosen_at": datetime(2026, 11, 20, 13, 2, tzinfo=UTC),
                "coloring_chosen_by": "jana\x1b",
            },
            "approved by jana 14:02",
        ),
        (
            {
                "selected_coloring_id": 1,
                "coloring_chosen_at": datetime(2026, 11, 19, 22, 59, tzinfo=UTC),
                "coloring_chosen_by": "petr",
            },
            "approved by petr 19 Nov 23:59",
        ),
        ({"selected_coloring_id": 1, "coloring_chosen_at": NOW}, "approved 14:30"),
    ],
)
def test_who_approved_and_when(facts: dict[str, object], words: str) -> None:
    set_language("en")
    values = dict.fromkeys(
        ("original_url", "file", "uploaded_at", "selected_coloring_id", "selected_svg_id")
    )
    image = ImageView(**{"id": 1, "position": 1, "coloring": (), "svg": (), **values, **facts})  # type: ignore[arg-type]  # the fields are right
    zone = ZoneInfo("Europe/Prague")
    assert approval_words(image, VersionType.COLORING, zone=zone, now=NOW) == words
    assert approval_words(image, VersionType.SVG, zone=zone, now=NOW) == ""


def test_words() -> None:
    set_language("en")
    assert badge_in_words(None).plain == "· none yet"
    assert badge_in_words(ColoringProcessingStatus.ERROR).plain.startswith("✗ ")
    assert badge_in_words(DONE, badge=Badge.OUT_OF_DATE).plain == "↻ out of date"
    assert badge_in_words(DONE, badge=Badge.APPROVED).plain == "✓ approved"

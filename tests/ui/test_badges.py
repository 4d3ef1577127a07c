"""Every status has a sign of its own kind, told by shape as well as by colour."""

import pytest

from fototui.domain.badges import Badge
from fototui.domain.flags import Colour
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus
from fototui.i18n import set_language
from fototui.widgets.badges import badge_in_words, legend, sign, status_colour


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


def test_words() -> None:
    set_language("en")
    assert badge_in_words(None).plain == "· none yet"
    assert badge_in_words(ColoringProcessingStatus.ERROR).plain.startswith("✗ ")
    assert badge_in_words(DONE, badge=Badge.OUT_OF_DATE).plain == "↻ out of date"
    assert badge_in_words(DONE, badge=Badge.APPROVED).plain == "✓ approved"

"""Every status has a sign of its own kind, told by shape as well as by colour."""

import pytest

from fototui.domain.badges import Badge
from fototui.domain.flags import Colour
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus
from fototui.i18n import set_language
from fototui.widgets.badges import badge, badge_in_words, status_colour


@pytest.mark.parametrize(
    ("status", "sign", "plain"),
    [
        (None, "·", "."),
        (ColoringProcessingStatus.PENDING, "○", "-"),
        (ColoringProcessingStatus.QUEUED, "○", "-"),
        (ColoringProcessingStatus.RUNPOD_SUBMITTED, "◐", "o"),
        (ColoringProcessingStatus.STORAGE_UPLOAD, "◐", "o"),
        (ColoringProcessingStatus.COMPLETED, "●", "O"),
        (ColoringProcessingStatus.ERROR, "✗", "x"),
        (ColoringProcessingStatus.RUNPOD_CANCELLED, "⊘", "/"),
        (SvgProcessingStatus.VECTORIZER_PROCESSING, "◐", "o"),
        (SvgProcessingStatus.COMPLETED, "●", "O"),
        (SvgProcessingStatus.ERROR, "✗", "x"),
    ],
)
def test_signs(
    status: ColoringProcessingStatus | SvgProcessingStatus | None, sign: str, plain: str
) -> None:
    assert badge(status)[0] == sign
    assert badge(status, ascii=True)[0] == plain


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


def test_words() -> None:
    set_language("en")
    assert badge_in_words(None).plain == "· none yet"
    assert badge_in_words(ColoringProcessingStatus.ERROR).plain.startswith("✗ ")

"""The shop's words for a layout."""

import pytest
from pydantic import ValidationError

from fototui.domain.books import BookOptions, FindingKind, Orientation, orientation


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (None, Orientation.UPRIGHT),
        ("  ", Orientation.UPRIGHT),
        ("Na výšku", Orientation.UPRIGHT),
        ("NA VÝŠKU (A4)", Orientation.UPRIGHT),
        ("na vysku", Orientation.UPRIGHT),
        ("Na šířku", Orientation.LANDSCAPE),
        ("na s\u030ci\u0301r\u030cku", Orientation.LANDSCAPE),
        ("A4 na sirku", Orientation.LANDSCAPE),
        ("Landscape", Orientation.LANDSCAPE),
        ("portrait", Orientation.UPRIGHT),
    ],
)
def test_known_words_tell_the_orientation(layout: str | None, expected: Orientation) -> None:
    assert orientation(layout) == (expected, None)


@pytest.mark.parametrize("layout", ["Čtverec", "na šířku i na výšku", "\u202e<b>?", "x" * 9000])
def test_other_words_mean_upright_and_say_so(layout: str) -> None:
    found, finding = orientation(layout)

    assert found is Orientation.UPRIGHT
    assert finding is not None
    assert finding.kind is FindingKind.UNKNOWN_LAYOUT
    assert finding.page is None
    text = str(finding.sentence)
    assert "is not known; the book is upright." in text
    assert "\u202e" not in text
    assert len(text) < 200


def test_no_option_is_on_by_itself() -> None:
    assert BookOptions().model_dump() == {
        "bleed": 0.0,
        "crop_marks": False,
        "blank_backs": False,
        "page_numbers": False,
    }


@pytest.mark.parametrize("bleed", [-1, 21, float("nan"), float("inf")])
def test_a_bleed_beyond_reason_is_refused(bleed: float) -> None:
    with pytest.raises(ValidationError):
        BookOptions(bleed=bleed)

"""What Vectorizer.ai's answers say, and how it is told what an SVG shall be like."""

import math
import re
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, ValidationError

from fototui.domain.errors import TransientError
from fototui.domain.options import SvgOptions
from fototui.domain.text import clean_line
from fototui.net.exchange import Answer

SERVICE = "Vectorizer.ai"

IMAGE_HEADER = "X-Image-Token"
# Room of the database's column; a longer one names nothing that we could remember.
_LONGEST_TOKEN = 100

# What may stand before the root element, and the root element itself
# (possessive, so that no answer can make the match take for ever).
_SVG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*+<svg[\s>]", re.S)
_SVG_HEAD_BYTES = 65_536
# No call costs nearly as much; a sum of what is told shall stay a number.
_MOST_CREDITS = 1e6


@dataclass(frozen=True, slots=True)
class VectorizerResult:
    """An SVG and what it cost.

    Args:
        svg: The SVG; None where it was cut off on its way, and can be fetched by its token.
        credits_charged: Credits charged for it.
        image_token: Names the image at the service while it is kept there.
    """

    svg: bytes | None = field(repr=False)
    credits_charged: float | None = None
    image_token: str | None = None


class _ErrorDetail(BaseModel):
    code: int
    message: str


class _ErrorBody(BaseModel):
    error: _ErrorDetail


def read_error(answer: Answer) -> tuple[int | None, str]:
    """Read a refusal: its code, and one safe line that tells all there is.

    Args:
        answer: The answer.
    """
    try:
        error = _ErrorBody.model_validate_json(answer.body).error
    except ValidationError:
        return None, answer.summary
    text = clean_line(error.message, limit=300)
    return error.code, f"HTTP {answer.status}, {error.code}: {text}"


def output_fields(options: SvgOptions) -> dict[str, str]:
    """The fields of a request that tell what the SVG shall be like.

    Args:
        options: The options.
    """
    return {
        "output.shape_stacking": options.shape_stacking.value,
        "output.group_by": options.group_by.value,
        "output.parameterized_shapes.flatten": "true",
    }


def read_result(headers: httpx.Headers, svg: bytes | None) -> VectorizerResult:
    """Read what the head of an answer tells of an SVG.

    Args:
        headers: The answer's headers.
        svg: The SVG, where it came whole.
    """
    token = headers.get(IMAGE_HEADER)
    return VectorizerResult(
        svg=svg,
        credits_charged=_number(headers.get("X-Credits-Charged")),
        image_token=token if token and len(token) <= _LONGEST_TOKEN else None,
    )


def whole_svg(answer: Answer) -> bytes:
    """Read an SVG from an answer.

    Args:
        answer: The answer.

    Raises:
        TransientError: It is none, or was cut off.
    """
    if not _is_svg(answer.body):
        raise TransientError(
            "Vectorizer.ai's answer is not a whole SVG ({answer}); it is tried again later.",
            service=SERVICE,
            status=answer.status,
            answer=answer.summary,
            ambiguous=True,
        )
    return answer.body


def _is_svg(body: bytes) -> bool:
    """Whether this begins as an SVG and was not cut off."""
    return _SVG.match(body[:_SVG_HEAD_BYTES]) is not None and body[-1000:].rstrip().endswith(
        b"</svg>"
    )


def _number(text: str | None) -> float | None:
    """A number of credits; what is none that could be charged is None."""
    try:
        number = math.nan if text is None else float(text)
    except ValueError:
        return None
    return number if 0 <= number < _MOST_CREDITS else None

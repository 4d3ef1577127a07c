"""Vectorizer.ai, which makes SVGs of the colourings.

Facts are those of "Vectorizer.AI API v1" (vectorizer.ai/api and its OpenAPI description).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from fototui.clients.vectorizer_wire import (
    IMAGE_HEADER,
    SERVICE,
    VectorizerResult,
    output_fields,
    read_error,
    read_result,
    whole_svg,
)
from fototui.domain.errors import (
    AccountError,
    InvalidInputError,
    OutsideError,
    PermanentError,
    ResultGoneError,
    TransientError,
)
from fototui.domain.options import SvgOptions
from fototui.domain.sentences import Sentence
from fototui.net.client import open_client
from fototui.net.closing import Closing
from fototui.net.exchange import Answer, credential, exchange, megabytes, passing_error, web_address

if TYPE_CHECKING:
    from fototui.clients.photos import PhotoInfo

MAX_PIXELS = 33_554_432
MAX_IMAGE_BYTES = 30_000_000
_MAX_SVG_BYTES = 100_000_000
_MAX_RETENTION_DAYS = 30
_MAX_COLORS = 256

# Asked for by the API's guidance on 429: 5, 10, 15 s …, from the beginning after a success.
_REFUSAL_STEP = 5.0
_LONGEST_REFUSAL_PAUSE = 60.0

# Error 1017, "out of time": the same request may pass a minute later.
_OUT_OF_TIME = 1017
_OUT_OF_TIME_PAUSE = 60.0

# Answers of a download for a token that is unknown, no token at all, or of a free test.
_NOT_KEPT = frozenset({400, 404, 410})

_ADVICE = {
    1008: Sentence.make("Vectorizer.ai's account has no API subscription; take one out"),
    1010: Sentence.make("Vectorizer.ai's subscription is past due; pay it"),
    1011: Sentence.make("Vectorizer.ai's account has no credits left; buy some"),
}


class VectorizerMode(StrEnum):
    """What a call is for: test results are free and carry a watermark."""

    PRODUCTION = "production"
    TEST = "test"


class VectorizerAccount(BaseModel):
    """State of the account (`GET /account`).

    Args:
        plan: Subscription plan, or "none".
        state: "active", "pastDue" or "ended".
        credits: Credits left; can be fractional.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True)

    plan: str = Field(validation_alias="subscriptionPlan")
    state: str = Field(validation_alias="subscriptionState")
    credits: float


class VectorizerApiService(Closing):
    """The API of Vectorizer.ai, over one long-lived HTTP client.

    All calls raise `TransientError` (network, 429, 5xx, answers that are no SVG) and
    `AccountError` (401, 402).

    Args:
        url: Base address, `https://api.vectorizer.ai/api/v1`, with or without `/vectorize`.
        key: API id.
        secret: API secret.
        read_seconds: Longest silence while the service works; it asks for 180 at least.

    Raises:
        ConfigurationError: Address, key or secret are missing or have the wrong form.
    """

    def __init__(
        self, url: str, key: str, secret: SecretStr, *, read_seconds: float = 300.0
    ) -> None:
        base = url.rstrip("/").removesuffix("/vectorize")
        self._base = web_address(f"{base}/", "VECTORIZER_URL")
        # Twice the silence: an answer that drips for ever ends as well.
        self._call_seconds = 2 * read_seconds
        self._refusals = 0
        self._auth = httpx.BasicAuth(
            credential(SecretStr(key), "VECTORIZER_API_KEY"),
            credential(secret, "VECTORIZER_API_SECRET"),
        )
        self._timeout = httpx.Timeout(read_seconds, connect=min(30.0, read_seconds))

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Made when first used, as RunPod's.
        return open_client(lambda: httpx.AsyncClient(auth=self._auth, timeout=self._timeout))

    async def vectorize(
        self,
        image: bytes,
        options: SvgOptions,
        *,
        mode: VectorizerMode = VectorizerMode.PRODUCTION,
        retention_days: int = 0,
        max_colors: int = 0,
    ) -> VectorizerResult:
        """Make an SVG of a picture; this can take minutes and is charged in production mode.

        Args:
            image: The picture, 33.5 megapixels and 30 MB at most.
            options: Shape stacking and grouping.
            mode: Production, or test.
            retention_days: Days that the service keeps the picture and the SVG, 0 to 30. Where it
            does, an answer that is cut off is not lost.
            max_colors: Most colours in the SVG, 1 to 256; 0 is no limit.

        Raises:
            InvalidInputError: An option is out of its range.
            PermanentError: The picture is beyond a limit, or the service refuses it.
        """
        _require_range("policy.retention_days", retention_days, _MAX_RETENTION_DAYS)
        _require_range("processing.max_colors", max_colors, _MAX_COLORS)
        info = await asyncio.to_thread(_check_image, image)
        request = self._client.build_request(
            "POST",
            self._base.join("vectorize"),
            files={"image": (f"image.{info.ext}", image, info.content_type)},
            data={
                **output_fields(options),
                "mode": mode.value,
                "policy.retention_days": str(retention_days),
                "processing.max_colors": str(max_colors),
            },
        )
        begun: list[httpx.Response] = []
        try:
            answer = await self._exchange(request, _MAX_SVG_BYTES, on_response=begun.append)
            return read_result(answer.headers, whole_svg(answer))
        except TransientError as error:
            kept = [each for each in begun if each.is_success and IMAGE_HEADER in each.headers]
            if not (error.ambiguous and kept):
                raise
            return read_result(kept[-1].headers, None)

    async def download(self, token: str, options: SvgOptions) -> VectorizerResult:
        """Fetch an SVG once more while the service keeps it, at a tenth of its price.

        Args:
            token: The result's `image_token`.
            options: What it was made with.

        Raises:
            ResultGoneError: It is not kept there, or not any more.
        """
        request = self._client.build_request(
            "POST",
            self._base.join("download"),
            # As a form of parts, which is all that this call understands.
            files={
                name: (None, value)
                for name, value in ({"image.token": token} | output_fields(options)).items()
            },
        )
        answer = await exchange(
            self._client,
            request,
            service=SERVICE,
            max_bytes=_MAX_SVG_BYTES,
            seconds=self._call_seconds,
        )
        if answer.status in _NOT_KEPT:
            raise ResultGoneError(
                "Vectorizer.ai does not keep the SVG any more; generate it again.",
                service=SERVICE,
                status=answer.status,
            )
        if not answer.is_success:
            raise self._refusal(answer)
        result = read_result(answer.headers, whole_svg(answer))
        return replace(result, image_token=token)

    async def account(self) -> VectorizerAccount:
        """Subscription and credits left."""
        request = self._client.build_request("GET", self._base.join("account"))
        answer = await self._exchange(request, 1_000_000)
        try:
            return VectorizerAccount.model_validate_json(answer.body)
        except ValidationError:
            raise TransientError(
                "Vectorizer.ai's account answer cannot be read ({answer}); check VECTORIZER_URL.",
                service=SERVICE,
                status=answer.status,
                answer=answer.summary,
            ) from None

    async def aclose(self) -> None:
        """Close the connections."""
        if "_client" in vars(self):
            await self._client.aclose()

    async def _exchange(
        self,
        request: httpx.Request,
        max_bytes: int,
        *,
        on_response: Callable[[httpx.Response], None] | None = None,
    ) -> Answer:
        answer = await exchange(
            self._client,
            request,
            service=SERVICE,
            max_bytes=max_bytes,
            seconds=self._call_seconds,
            on_response=on_response,
        )
        if answer.is_success:
            self._refusals = 0
            return answer
        raise self._refusal(answer)

    def _refusal(self, answer: Answer) -> OutsideError:
        """Tell a refusal by its status and its error code."""
        code, message = read_error(answer)
        if answer.status == 429:
            self._refusals += 1
            pause = min(_REFUSAL_STEP * self._refusals, _LONGEST_REFUSAL_PAUSE)
            return TransientError(
                "Vectorizer.ai asks for fewer calls ({message}); it is tried again later.",
                service=SERVICE,
                status=429,
                message=message,
                retry_after=pause if answer.retry_after is None else answer.retry_after,
            )
        if answer.is_passing:
            return passing_error(answer, SERVICE, message)
        if code == _OUT_OF_TIME:
            return TransientError(
                "Vectorizer.ai ran out of time ({message}); it is tried again in a minute.",
                service=SERVICE,
                status=answer.status,
                message=message,
                retry_after=_OUT_OF_TIME_PAUSE,
            )
        advice = _ADVICE.get(code) if code is not None else None
        match answer.status:
            case 401 | 403:
                advice = Sentence.make(
                    "Vectorizer.ai refuses the key; check VECTORIZER_API_KEY and "
                    "VECTORIZER_API_SECRET"
                )
            case 402:
                advice = advice or Sentence.make(
                    "Vectorizer.ai wants to be paid; look at the account"
                )
            case 404 | 405:
                advice = Sentence.make("Vectorizer.ai is not there; check VECTORIZER_URL")
            case status if 300 <= status < 400:
                advice = Sentence.make("Vectorizer.ai is somewhere else; check VECTORIZER_URL")
            case status:
                return PermanentError(
                    "Vectorizer.ai refused the picture or an option ({message}); generate the "
                    "colouring again or choose other options.",
                    service=SERVICE,
                    status=status,
                    message=message,
                )
        refusal = Sentence.joined((advice, Sentence.plain(f"({message}).")))
        return AccountError(refusal, service=SERVICE, status=answer.status)


def _check_image(image: bytes) -> "PhotoInfo":
    """Refuse what the service would refuse after a long upload."""
    from fototui.clients.photos import peek_photo

    if len(image) > MAX_IMAGE_BYTES:
        raise PermanentError(
            "The picture has {size} MB and Vectorizer.ai takes {limit} MB; generate a smaller "
            "colouring.",
            service=SERVICE,
            size=megabytes(len(image)),
            limit=megabytes(MAX_IMAGE_BYTES),
        )
    try:
        info = peek_photo(image)
    except InvalidInputError as error:
        raise PermanentError(
            "The colouring cannot be read: {error} Generate it again.",
            service=SERVICE,
            error=error.sentence,
        ) from error
    if info.width * info.height > MAX_PIXELS:
        raise PermanentError(
            "The picture has {width} × {height} pixels and Vectorizer.ai takes {limit} megapixels; "
            "generate a smaller colouring.",
            service=SERVICE,
            width=info.width,
            height=info.height,
            limit=round(MAX_PIXELS / 1e6, 1),
        )
    return info


def _require_range(option: str, value: int, last: int) -> None:
    if not 0 <= value <= last:
        raise InvalidInputError(
            "{option} cannot be {value}; choose a number from 0 to {last}.",
            option=option,
            value=value,
            last=last,
        )

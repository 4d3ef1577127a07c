"""Errors that reach an operator.

Each class has a stable `code` by which programs tell it apart, and each message is a sentence that
says what to do. Messages are safe to show and to log: no secrets, no control characters. `str()`
of an error is English, for logs and programs; `fototui.i18n.translate` puts it into the operator's
language.
"""

from typing import ClassVar

from fototui.domain.sentences import Sentence, Value


class FototuiError(Exception):
    """Base of all errors that fototui raises on purpose.

    Args:
        text: One sentence (or two) for the operator, in English, with places such as `{number}`.
        **values: What stands in these places; never put into the text itself, which could then not
            be translated.
    """

    code: ClassVar[str] = "failed"

    def __init__(self, text: str | Sentence, /, **values: Value) -> None:
        self.sentence = text if isinstance(text, Sentence) else Sentence(text=text, values=values)
        super().__init__(str(self.sentence))


class ConfigurationError(FototuiError):
    """A setting is missing or wrong; the message names the file or variable and the key."""

    code = "configuration"


# --- what an operator asked for cannot be done -------------------------------------------------


class NotFoundError(FototuiError):
    """The named order, image or version does not exist."""

    code = "not_found"


class InvalidInputError(FototuiError):
    """A value given by the operator is out of its range or of the wrong kind."""

    code = "invalid_input"


class ConflictError(FototuiError):
    """What was asked for does not fit the present state (already running, chosen by another …)."""

    code = "conflict"


class InProgressError(ConflictError):
    """The same is being made already: nothing failed, and nothing is to be mended."""


# --- an outside service failed -----------------------------------------------------------------


class OutsideError(FototuiError):
    """An outside service did not do what was asked.

    Args:
        text: Sentence for the operator; may speak of `{service}` and `{status}`.
        service: The service's name, for instance "RunPod".
        status: HTTP status of the answer, where there was one.
        **values: What else stands in the sentence.
    """

    code = "outside"

    def __init__(
        self,
        text: str | Sentence,
        /,
        *,
        service: str,
        status: int | None = None,
        **values: Value,
    ) -> None:
        super().__init__(text, service=service, status=status or 0, **values)
        self.service = service
        self.status = status


class TransientError(OutsideError):
    """Trying again later may help: network, time-out, 429, 5xx.

    Args:
        text: Sentence for the operator.
        service: The service's name.
        status: HTTP status of the answer, where there was one.
        retry_after: Seconds the service asked to wait, where it did.
        ambiguous: The request may have been accepted although no answer came; sending it again
            may do (and charge) the work twice.
        **values: What else stands in the sentence.
    """

    code = "transient"

    def __init__(
        self,
        text: str | Sentence,
        /,
        *,
        service: str,
        status: int | None = None,
        retry_after: float | None = None,
        ambiguous: bool = False,
        **values: Value,
    ) -> None:
        super().__init__(text, service=service, status=status, **values)
        self.retry_after = retry_after
        self.ambiguous = ambiguous


class PermanentError(OutsideError):
    """Trying the same again cannot help: bad input, a refused option, an unusable answer."""

    code = "permanent"


class ResultGoneError(OutsideError):
    """The service no longer knows the job: its result expired (404)."""

    code = "result_gone"


class AccountError(OutsideError):
    """The account is refused (401, 402): no job of this kind can succeed until someone acts."""

    code = "account"

"""What a store's refusal means to an operator."""

from botocore.exceptions import ClientError

from fototui.domain.errors import OutsideError, PermanentError, TransientError
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line
from fototui.storage.base import SERVICE, FileMissingError

# Codes of a refusal, and the setting that an operator should look at. HEAD answers have no body:
# there the status stands for the code (Amazon S3 API reference, "Error responses").
_REFUSALS = {
    "InvalidAccessKeyId": Sentence.make("The access key is unknown; check S3_ACCESS_KEY_ID."),
    "Unauthorized": Sentence.make("The access key is refused; check S3_ACCESS_KEY_ID."),
    "SignatureDoesNotMatch": Sentence.make(
        "The secret does not fit the access key; check S3_SECRET_ACCESS_KEY."
    ),
    "NoSuchBucket": Sentence.make("The bucket does not exist; check S3_BUCKET."),
    "InvalidBucketName": Sentence.make("The bucket's name is not allowed; check S3_BUCKET."),
    "AuthorizationHeaderMalformed": Sentence.make("The region is wrong; check S3_REGION."),
    "PermanentRedirect": Sentence.make(
        "The bucket is in another region; check S3_REGION and S3_ENDPOINT."
    ),
    "RequestTimeTooSkewed": Sentence.make("This machine's clock is wrong; set it."),
    "EntityTooLarge": Sentence.make("The file is too big for the store."),
}
_REFUSED = Sentence.make(
    "The access key may not do that; check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, and the "
    "key's rights on the bucket."
)
_MISSING_CODES = {"NoSuchKey", "404", "NotFound"}
_PASSING_CODES = {"SlowDown", "RequestTimeout", "OperationAborted", "TooManyRequests"}
_PASSING_STATUSES = {408, 409, 425, 429}


def refusal(error: ClientError, doing: Sentence, key: str) -> OutsideError:
    """Tell a refusal by its code: what is missing, what may pass, what someone must change.

    Args:
        error: The store's answer.
        doing: What was done, for the sentence: "store a file".
        key: The key it was done to.

    Returns:
        The error to raise.
    """
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _MISSING_CODES:
        return FileMissingError(key)
    if code in _PASSING_CODES or status in _PASSING_STATUSES or status >= 500:
        return TransientError(
            "Storage could not {doing} now (HTTP {status} {code}); it is overloaded or failing, "
            "try again later.",
            service=SERVICE,
            status=status,
            doing=doing,
            code=clean_line(code, limit=60),
        )
    advice = _REFUSALS.get(code)
    if advice is None and status in (401, 403):
        advice = _REFUSED
    if advice is None:
        advice = Sentence.plain(clean_line(str(error), limit=300))
    return PermanentError(
        "Storage refused to {doing} (HTTP {status} {code}). {advice}",
        service=SERVICE,
        status=status,
        doing=doing,
        code=clean_line(code, limit=60),
        advice=advice,
    )

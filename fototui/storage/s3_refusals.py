"""What a store's refusal means to an operator."""

from botocore.exceptions import ClientError

from fototui.domain.errors import OutsideError, PermanentError, TransientError
from fototui.domain.text import clean_line
from fototui.storage.base import SERVICE, FileMissingError

# Codes of a refusal, and the setting that an operator should look at. HEAD answers have no body:
# there the status stands for the code (Amazon S3 API reference, "Error responses").
_REFUSALS = {
    "InvalidAccessKeyId": "The access key is unknown; check S3_ACCESS_KEY_ID.",
    "Unauthorized": "The access key is refused; check S3_ACCESS_KEY_ID.",
    "SignatureDoesNotMatch": "The secret does not fit the access key; check S3_SECRET_ACCESS_KEY.",
    "NoSuchBucket": "The bucket does not exist; check S3_BUCKET.",
    "InvalidBucketName": "The bucket's name is not allowed; check S3_BUCKET.",
    "AuthorizationHeaderMalformed": "The region is wrong; check S3_REGION.",
    "PermanentRedirect": "The bucket is in another region; check S3_REGION and S3_ENDPOINT.",
    "RequestTimeTooSkewed": "This machine's clock is wrong; set it.",
    "EntityTooLarge": "The file is too big for the store.",
}
_REFUSED = (
    "The access key may not do that; check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, and the "
    "key's rights on the bucket."
)
_MISSING_CODES = {"NoSuchKey", "404", "NotFound"}
_PASSING_CODES = {"SlowDown", "RequestTimeout", "OperationAborted", "TooManyRequests"}
_PASSING_STATUSES = {408, 409, 425, 429}


def refusal(error: ClientError, doing: str, key: str) -> OutsideError:
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
            f"Storage could not {doing} now (HTTP {status} {clean_line(code, limit=60)}); it is "
            "overloaded or failing, try again later.",
            service=SERVICE,
            status=status,
        )
    advice = _REFUSALS.get(code)
    if advice is None and status in (401, 403):
        advice = _REFUSED
    if advice is None:
        advice = clean_line(str(error), limit=300)
    return PermanentError(
        f"Storage refused to {doing} (HTTP {status} {clean_line(code, limit=60)}). {advice}",
        service=SERVICE,
        status=status,
    )

"""What the database knows of a stored file."""

from pydantic import BaseModel, ConfigDict


class S3ObjectRefData(BaseModel):
    """A reference to one stored file, as the `file_ref` columns hold it.

    The names are those of the shop's database; a directory storage uses the same shape with its
    folder's name as the bucket.

    Args:
        key: Key inside the bucket, without a leading slash.
        bucket: Bucket name.
        content_type: Media type found from the content.
        size: Size in bytes.
        etag: What the store calls this content, without quotes.
        sha256: Hex digest of the content.
        original_filename: The name the customer's file had.
    """

    # A shop's rows may hold more than we know; it is not ours to refuse them.
    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    bucket: str
    content_type: str | None = None
    size: int | None = None
    etag: str | None = None
    sha256: str | None = None
    original_filename: str | None = None

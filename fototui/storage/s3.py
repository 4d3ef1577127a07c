"""Files in an S3-compatible store: R2, MinIO, AWS.

The S3 library takes most of a second to import, so it is imported when the first call is made, in
a thread: a screen opens without waiting for it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from pydantic import SecretStr

from fototui.domain.errors import ConfigurationError, PermanentError, TransientError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line
from fototui.log import get_logger
from fototui.net.closing import Closing
from fototui.retry import RetryPolicy
from fototui.storage.base import SERVICE, FileMissingError, ListedFile, Right, probe, too_big
from fototui.storage.keys import check_key
from fototui.storage.s3_refusals import refusal

if TYPE_CHECKING:
    from aioboto3 import Session
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef

log = get_logger(__name__)

R = TypeVar("R")

# Tries of one call in all, the first one included.
_RETRY = RetryPolicy(attempts=3, first_wait=1.0, longest_wait=10.0)

_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_COPY_SECONDS = 10
_CONNECTIONS = 32
_CHUNK_BYTES = 1 << 20

# S3 allows 2 KB of user metadata; a name grows up to twelvefold when it is percent-encoded.
_MAX_ENCODED_NAME = 1200


class S3StorageService(Closing):
    """A storage in a bucket, over one long-lived client.

    Every call is tried up to three times while the fault may pass; refusals are told at once.

    Args:
        bucket: The bucket's name; it must exist.
        access_key: Access key id.
        secret_key: Its secret.
        endpoint: The store's address; None is AWS itself.
        region: Region; "auto" for R2.
        path_style: Put the bucket into the path instead of the host name.
        public_url: Where the bucket is published; without it, addresses are presigned.
        retry: How passing failures of a call are met.
        call_seconds: Longest time for one try of one call, data included.

    Raises:
        ConfigurationError: The endpoint is no address.
    """

    def __init__(
        self,
        bucket: str,
        *,
        access_key: str,
        secret_key: SecretStr,
        endpoint: str | None = None,
        region: str = "auto",
        path_style: bool = True,
        public_url: str | None = None,
        retry: RetryPolicy = _RETRY,
        call_seconds: float = 300,
    ) -> None:
        if endpoint is not None and not endpoint.startswith(("https://", "http://")):
            raise ConfigurationError(
                "S3_ENDPOINT is {value}; it must begin with https:// or http://.",
                value=repr(endpoint),
            )
        self._bucket = bucket
        self._access_key = access_key
        self._secret_key = secret_key
        self._endpoint = endpoint
        self._region = region
        self._path_style = path_style
        self._public_url = public_url.rstrip("/") if public_url else None
        self._retry = retry
        self._call_seconds = call_seconds
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: S3Client | None = None
        self._faults: tuple[type[Exception], ...] = (BotoCoreError, OSError)

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        original_filename: str | None = None,
        right: Right | None = None,
    ) -> S3ObjectRefData:
        """See `Storage.put`; digest and name are kept as the object's metadata.

        The right is looked at before each try, and not held while the body is on its way. One that
        is cancelled closes its connection, and the store drops a body that it did not get whole.
        """
        digest = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        metadata = {"sha256": digest}
        name = None if original_filename is None else _fitting_name(original_filename)
        if name is not None:
            metadata["original_filename"] = quote(name)

        async def send(client: "S3Client") -> str | None:
            if right is not None:
                async with right():
                    pass
            answer = await client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                Metadata=metadata,
            )
            return answer.get("ETag")

        etag = await self._call(Sentence.make("store a file"), check_key(key), send)
        return S3ObjectRefData(
            key=key,
            bucket=self._bucket,
            content_type=content_type,
            size=len(data),
            etag=_unquoted(etag),
            sha256=digest,
            original_filename=name,
        )

    async def put_in_place(self, file: S3ObjectRefData, key: str) -> S3ObjectRefData:
        """See `Storage.put_in_place`; the store copies it by itself, with its metadata.

        It is tried once and not for long: somebody may hold a lock meanwhile.
        """

        async def copy(client: "S3Client") -> str | None:
            async with asyncio.timeout(_COPY_SECONDS):
                answer = await client.copy_object(
                    Bucket=self._bucket,
                    Key=key,
                    CopySource={"Bucket": self._bucket, "Key": file.key},
                )
            return answer.get("CopyObjectResult", {}).get("ETag")

        client = await self._connected()
        doing = Sentence.make("store a file")
        etag = await self._once(doing, check_key(key), client, copy)
        return file.model_copy(update={"key": key, "etag": _unquoted(etag) or file.etag})

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """See `Storage.get`."""

        async def receive(client: "S3Client") -> bytes:
            answer = await client.get_object(Bucket=self._bucket, Key=key)
            return await _read(answer, key, max_bytes)

        return await self._call(Sentence.make("read a file"), check_key(key), receive)

    async def head(self, key: str) -> S3ObjectRefData | None:
        """See `Storage.head`; a missing bucket looks like a missing file here, as S3 answers."""

        async def ask(client: "S3Client") -> S3ObjectRefData:
            answer = await client.head_object(Bucket=self._bucket, Key=key)
            metadata = answer.get("Metadata", {})
            name = metadata.get("original_filename")
            return S3ObjectRefData(
                key=key,
                bucket=self._bucket,
                content_type=answer.get("ContentType"),
                size=answer.get("ContentLength"),
                etag=_unquoted(answer.get("ETag")),
                sha256=metadata.get("sha256"),
                original_filename=None if name is None else clean_line(unquote(name)),
            )

        try:
            return await self._call(Sentence.make("look a file up"), check_key(key), ask)
        except FileMissingError:
            return None

    async def delete(self, key: str) -> None:
        """See `Storage.delete`."""

        async def remove(client: "S3Client") -> None:
            await client.delete_object(Bucket=self._bucket, Key=key)

        try:
            await self._call(Sentence.make("delete a file"), check_key(key), remove)
        except FileMissingError:
            return

    async def url(self, key: str, *, expires_seconds: int = 3600) -> str:
        """See `Storage.url`; a presigned address is made without asking the store."""
        check_key(key)
        if self._public_url is not None:
            return f"{self._public_url}/{quote(key)}"
        client = await self._connected()
        return await client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires_seconds
        )

    async def check(self) -> None:
        """See `Storage.check`."""
        await probe(self)

    async def list_keys(self, prefix: str = "") -> AsyncIterator[str]:
        """See `Storage.list_keys`."""
        async for file in self.list_files(prefix):
            yield file.key

    async def list_files(self, prefix: str = "") -> AsyncIterator[ListedFile]:
        """See `Storage.list_files`; a thousand files a request."""
        token: str | None = None
        while True:
            files, token = await self._list_page(prefix, token)
            for file in files:
                yield file
            if token is None:
                return

    async def aclose(self) -> None:
        """Close the client and its connections."""
        self._client = None
        await self._stack.aclose()

    async def _list_page(
        self, prefix: str, token: str | None
    ) -> tuple[list[ListedFile], str | None]:
        async def ask(client: "S3Client") -> tuple[list[ListedFile], str | None]:
            bucket = self._bucket
            answer = (
                await client.list_objects_v2(Bucket=bucket, Prefix=prefix)
                if token is None
                else await client.list_objects_v2(
                    Bucket=bucket, Prefix=prefix, ContinuationToken=token
                )
            )
            listed = answer.get("Contents", [])
            files = [ListedFile(entry["Key"], entry["LastModified"]) for entry in listed]
            return files, answer.get("NextContinuationToken")

        return await self._call(Sentence.make("list files"), prefix, ask)

    async def _call(
        self, doing: Sentence, key: str, work: Callable[["S3Client"], Awaitable[R]]
    ) -> R:
        """Do one piece of work with the client, again while the fault may pass.

        Args:
            doing: What is done, for the log and for sentences: "store a file".
            key: The key it is done to.
            work: The call itself; it may be made several times.
        """

        def note(error: TransientError, _wait: float) -> None:
            log.warning("storage will be tried again", doing=str(doing), key=key, fault=str(error))

        client = await self._connected()
        return await self._retry.call(lambda: self._once(doing, key, client, work), on_retry=note)

    async def _once(
        self,
        doing: Sentence,
        key: str,
        client: "S3Client",
        work: Callable[["S3Client"], Awaitable[R]],
    ) -> R:
        try:
            async with asyncio.timeout(self._call_seconds):
                return await work(client)
        except ClientError as error:
            raise refusal(error, doing, key) from error
        except ParamValidationError as error:
            raise PermanentError(
                "Storage cannot {doing}: {reason}; check S3_BUCKET.",
                service=SERVICE,
                doing=doing,
                reason=clean_line(str(error), limit=300),
            ) from error
        except self._faults as error:
            raise TransientError(
                "Storage could not {doing} ({reason}); see whether S3_ENDPOINT is right and the "
                "network reaches it.",
                service=SERVICE,
                doing=doing,
                reason=type(error).__name__,
            ) from error

    async def _connected(self) -> "S3Client":
        async with self._opening:
            if self._client is None:
                try:
                    opened = await asyncio.to_thread(self._prepare)
                    self._client = await self._stack.enter_async_context(opened)
                except (BotoCoreError, ValueError) as error:
                    raise ConfigurationError(
                        "The S3 settings cannot be used ({reason}); check S3_ENDPOINT and "
                        "S3_REGION, and AWS_… variables of this machine.",
                        reason=clean_line(str(error), limit=200),
                    ) from error
        return self._client

    def _prepare(self) -> "AbstractAsyncContextManager[S3Client]":
        from aiobotocore.config import AioConfig
        from aiohttp import ClientError as BrokenBodyError

        # A connection that breaks inside a body comes through from the layer below.
        self._faults = (BotoCoreError, OSError, BrokenBodyError)
        secure = self._endpoint is None or self._endpoint.startswith("https://")
        return _session().client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=self._region,
            aws_access_key_id=self._access_key,
            aws_secret_access_key=self._secret_key.get_secret_value(),
            config=AioConfig(
                signature_version="s3v4",
                # Newer defaults break some R2 and MinIO servers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={
                    "addressing_style": "path" if self._path_style else "virtual",
                    # Signing a body means hashing it on the event loop; TLS guards it as well.
                    "payload_signing_enabled": not secure,
                },
                # Retries are ours: those of two layers would multiply.
                retries={"total_max_attempts": 1},
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                max_pool_connections=_CONNECTIONS,
            ),
        )


@cache
def _session() -> "Session":
    """The library's session; its models take long to load, once for all clients is enough."""
    import aioboto3

    return aioboto3.Session()


async def _read(answer: "GetObjectOutputTypeDef", key: str, max_bytes: int | None) -> bytes:
    """Read a body in chunks, up to a limit."""
    data = bytearray()
    body = answer["Body"]
    async with body:
        while chunk := await body.read(_CHUNK_BYTES):
            data += chunk
            if max_bytes is not None and len(data) > max_bytes:
                raise too_big(key, max_bytes)
    return bytes(data)


def _unquoted(etag: str | None) -> str | None:
    """What a store calls a content, where it has a name for it: some leave it out."""
    return etag and (etag.strip('"') or None)


def _fitting_name(name: str) -> str:
    """A file name that fits into an object's metadata once it is percent-encoded."""
    name = clean_line(name)
    while len(quote(name)) > _MAX_ENCODED_NAME:
        name = name[:-1]
    return name

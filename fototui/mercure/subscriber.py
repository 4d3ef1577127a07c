"""Listens to the hub, comes back by itself, and says when something was missed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Generic, TypeVar

import httpx
from pydantic import SecretStr

from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line
from fototui.log import get_logger
from fototui.mercure.address import hub_address
from fototui.mercure.event_stream import EventStream, EventTooLongError
from fototui.mercure.link import LinkState, Lost, Message, StateChange
from fototui.mercure.silence import SilentError, announced_heartbeat, answers, heard
from fototui.mercure.tokens import subscribe_token
from fototui.net.client import EnvironmentFault, open_client
from fototui.retry import Backoff

__all__ = ["LinkState", "Lost", "MercureSubscriber", "Message", "StateChange"]

log = get_logger(__name__)

T = TypeVar("T")

_LAST_EVENT_ID = "Last-Event-ID"
#: What a hub answers that has nothing before the first event it sends (Mercure 0.x).
_EARLIEST = "earliest"
_LONGEST_CURSOR = 1_000
#: A hub that asks for more patience than this is not obeyed.
_LONGEST_RETRY = 3.0
#: A stream that lasted so long did its work, even if nothing was said on it.
_STEADY_SECONDS = 1.0


class _RefusedError(Exception):
    """The hub answered, but not with a stream."""

    def __init__(self, reason: Sentence) -> None:
        super().__init__(str(reason))
        self.reason = reason


class MercureSubscriber(Generic[T]):
    """Yields live events, forever.

    The first item is a `StateChange`. Fetch what is shown after the first LIVE: what changed before
    it is not told. From then on nothing is missed unless a `Lost` says so, which comes after the
    connection stands.

    Args:
        url: The hub's address.
        key: Key that the hub verifies subscribers with; None for a hub that needs none.
        parse: Reads an event (`fototui.domain.events.parse_event`); None for one to pass over.
        topics: Topic selectors to listen to.
        is_known: Whether an event, by its id, is known already and is to be passed over, as
            this process's own are (`MercurePublishService.is_own`).
        answer_seconds: Longest wait for an answer of the hub's: for the stream to begin, and for a
            sign of life while it is quiet.
        quiet_seconds: A stream without a byte for so long is doubted: a hub that has promised
            heartbeats has as long again for one, any other must answer a question.
        silence_seconds: A stream without a byte (the hub sends a comment every 40 s) is dead,
            though the hub be there.
        first_wait_seconds: Wait after the first failure; it doubles.
        longest_wait_seconds: Longest wait between attempts. Together with `answer_seconds` it is
            how late a hub that is back may be noticed.

    Raises:
        ConfigurationError: The address is no http(s) URL, or the key is empty.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr | None,
        parse: Callable[[str], T | None],
        *,
        topics: Iterable[str] = ("orders", "orders/{id}"),
        is_known: Callable[[str], bool] = lambda _event_id: False,
        answer_seconds: float = 2.0,
        quiet_seconds: float = 2.0,
        silence_seconds: float = 60.0,
        first_wait_seconds: float = 0.5,
        longest_wait_seconds: float = 2.5,
    ) -> None:
        self._url = hub_address(url)
        if key is not None:
            subscribe_token(key)  # an empty key is said now
        self._key = key
        self._parse = parse
        self._topics = tuple(topics)
        self._is_known = is_known
        self._timeout = httpx.Timeout(answer_seconds, read=silence_seconds)
        self._answer_seconds = answer_seconds
        self._quiet_seconds = quiet_seconds
        self._silence_seconds = silence_seconds
        self._backoff = Backoff(first_wait_seconds, longest_wait_seconds)
        self._state = StateChange(LinkState.CONNECTING)
        self._cursor = ""
        self._retry_seconds = 0.0
        self._has_tried = False
        self._heard = False

    @property
    def state(self) -> StateChange:
        """How the link does now."""
        return self._state

    @property
    def cursor(self) -> str:
        """Id of the event that was seen last: where the next stream goes on from."""
        return self._cursor

    async def stream(self) -> AsyncGenerator[Message[T] | StateChange | Lost, None]:
        """Listen: one at a time, and inside `contextlib.aclosing` so that leaving hangs up at once.

        A further stream goes on where the last one ended.

        Yields:
            Events, changes of the link's state, and marks that something was missed.
        """
        clock = asyncio.get_running_loop().time
        if self._has_tried:
            self._state = StateChange(LinkState.CATCHING_UP)
        yield self._state
        async with open_client(lambda: httpx.AsyncClient(timeout=self._timeout)) as client:
            while True:
                began = clock()
                reason = Sentence.make("The hub ended the stream at once.")
                try:
                    async with aclosing(self._listen(client)) as items:
                        async for item in items:
                            yield item
                except httpx.HTTPError as error:
                    reason = self._explain(error)
                except SilentError:
                    reason = _silent(2 * self._quiet_seconds)
                except EventTooLongError:
                    reason = Sentence.make(
                        "The hub sends an event without an end; see what answers at MERCURE_URL."
                    )
                except _RefusedError as error:
                    reason = error.reason
                was_useful = self._heard or clock() - began >= _STEADY_SECONDS
                if self._state.state is LinkState.LIVE and was_useful:
                    self._backoff.reset()
                    yield self._enter(StateChange(LinkState.CATCHING_UP))
                    await asyncio.sleep(self._retry_seconds)
                    continue
                change = StateChange(LinkState.DOWN, reason)
                if change != self._state:
                    yield self._enter(change)
                await asyncio.sleep(max(self._backoff.next_wait(), self._retry_seconds))

    def _enter(self, change: StateChange) -> StateChange:
        self._state = change
        if change.state is LinkState.DOWN:
            log.warning("no live events", reason=str(change.reason))
        else:
            log.info("live events", state=change.state)
        return change

    def _explain(self, error: httpx.HTTPError) -> Sentence:
        if isinstance(error, EnvironmentFault):
            return error.sentence
        if isinstance(error, httpx.ReadTimeout):
            return _silent(self._silence_seconds)
        return Sentence.make(
            "The hub cannot be reached ({reason}): check MERCURE_URL and that the hub runs.",
            reason=clean_line(str(error), limit=200) or type(error).__name__,
        )

    async def _listen(
        self, client: httpx.AsyncClient
    ) -> AsyncGenerator[Message[T] | StateChange | Lost, None]:
        """One connection, from the request to its end."""
        asked, is_first = self._cursor, not self._has_tried
        self._has_tried, self._heard = True, False
        headers = [(b"Accept", b"text/event-stream"), (b"Cache-Control", b"no-store")]
        if self._key is not None:
            headers.append((b"Authorization", f"Bearer {subscribe_token(self._key)}".encode()))
        if asked:
            headers.append((_LAST_EVENT_ID.encode(), asked.encode()))
        params = {"topic": list(self._topics)}
        request = client.build_request("GET", self._url, params=params, headers=headers)
        async with self._answered(client, request) as response:
            _check(response)
            previous = response.headers.get(_LAST_EVENT_ID, "")
            if not is_first and (not asked or previous != asked or previous == _EARLIEST):
                # What the hub names here precedes all that it will send: the place to go on from.
                self._cursor = "" if previous == _EARLIEST else previous
                yield Lost(_loss(asked, previous))
            yield self._enter(StateChange(LinkState.LIVE))
            stream = EventStream()
            async for chunk in self._chunks(client, response):
                for event in stream.feed(chunk):
                    self._heard = True
                    self._cursor = _cursor(event.id)
                    if self._is_known(event.id):
                        continue
                    if (parsed := self._parse(event.data)) is not None:
                        yield Message(event.id, event.data, parsed)
                if stream.retry_seconds is not None:
                    self._retry_seconds = min(stream.retry_seconds, _LONGEST_RETRY)

    @asynccontextmanager
    async def _answered(
        self, client: httpx.AsyncClient, request: httpx.Request
    ) -> AsyncGenerator[httpx.Response, None]:
        """The hub's answer, whose body may take its time; its beginning must not."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                response = await client.send(request, stream=True)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no answer", request=request) from error
        try:
            yield response
        finally:
            await response.aclose()

    def _chunks(self, client: httpx.AsyncClient, response: httpx.Response) -> AsyncIterator[bytes]:
        async def promised() -> bool:
            return False

        async def asked() -> bool:
            return await answers(client, self._url, seconds=self._answer_seconds)

        quiet, source = self._quiet_seconds, response.aiter_bytes()
        heartbeat = announced_heartbeat(response)
        if heartbeat is not None and heartbeat <= quiet:
            # Better proof than an answer, which may come by a line that is still whole.
            return heard(source, quiet_seconds=2 * quiet, is_alive=promised)
        return heard(source, quiet_seconds=quiet, is_alive=asked)


def _check(response: httpx.Response) -> None:
    """Raise where the answer is not a stream of events."""
    status = response.status_code
    if status in {401, 403}:
        refused = Sentence.make(
            "The hub refuses our token (HTTP {status}): set MERCURE_SUBSCRIBER_JWT_KEY to the key "
            "that the hub was started with, and check this computer's clock.",
            status=status,
        )
        raise _RefusedError(refused)
    if status == 429 or status >= 500:
        raise _RefusedError(
            Sentence.make("The hub is in trouble (HTTP {status}): look at its log.", status=status)
        )
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
    if status != 200 or media_type != "text/event-stream":
        nobody = Sentence.make(
            "No hub answers at MERCURE_URL (HTTP {status}): check the address.", status=status
        )
        raise _RefusedError(nobody)


def _silent(seconds: float) -> Sentence:
    return Sentence.make("The hub gave no sign of life for {seconds} s.", seconds=seconds)


def _cursor(event_id: str) -> str:
    """The id, where it can be sent back in a header."""
    return event_id if event_id.isprintable() and len(event_id) <= _LONGEST_CURSOR else ""


def _loss(asked: str, previous: str) -> str:
    if not asked:
        return "The stream was interrupted before any event could mark the place."
    if not previous or previous == _EARLIEST:
        return "The hub keeps no history, or began a new one."
    return "The hub no longer has the event that was seen last."

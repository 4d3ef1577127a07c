"""Where customers' photos are, as upload apps and people write it into an order."""

import html
import re
from collections.abc import Iterable
from functools import lru_cache

import httpx

from fototui.domain.sentences import Sentence
from fototui.domain.shop import ShopPhoto
from fototui.domain.text import clean_line
from fototui.log import get_logger

log = get_logger(__name__)

# "Fotka 2" and "Fotka (4)-2": the number of the page stands last.
_NAME = re.compile(r"fotka\s*(?:\([0-9]{1,6}\)\s*-\s*)?([0-9]{1,4})")

_LONGEST_ADDRESS = 8_000
_LONGEST_TEXT = 20_000

_BEGINNING = re.compile(r"https?://[^/?#]{1,300}", re.IGNORECASE)
_IN_TEXT = re.compile(r"""https?://[^\s"'<>]+""", re.IGNORECASE)
_AT_ITS_END = ".,;:!?)]}"


def read_photos(line_id: int, attributes: Iterable[tuple[str, str]]) -> tuple[ShopPhoto, ...]:
    """The photos of a line item, by position; each with an address, or with why it has none.

    Two attributes may name one page ("Fotka (4)-2" and "Fotka 2"): the first address wins, for a
    page has one photo.

    Args:
        line_id: Shopify's number of the line item, for the log.
        attributes: Its attributes, with their names in lower case.
    """
    photos: dict[int, ShopPhoto] = {}
    for name, value in attributes:
        match = _NAME.fullmatch(name)
        position = int(match[1]) if match else 0
        if position < 1:
            continue
        photo = _photo(position, value)
        kept = photos.setdefault(position, photo)
        if kept.url is None:
            photos[position] = photo if photo.url is not None else kept
        elif photo.url is not None and kept.url != photo.url:
            log.warning(
                "Shopify names two photos for one page; the first is taken",
                line_item=line_id,
                position=position,
            )
    return tuple(photos[position] for position in sorted(photos))


def _photo(position: int, text: str) -> ShopPhoto:
    found = _addresses(text.strip()[:_LONGEST_TEXT])
    if len(found) == 1:
        return ShopPhoto(position, found[0])
    text = clean_line(text, limit=120)
    problem = (
        Sentence.make(
            "In the place of one photo there are {count} addresses ({text}); ask the customer "
            "which one it is.",
            count=len(found),
            text=text,
        )
        if found
        else Sentence.make(
            "In the photo's place there is no address that can be fetched ({text}); ask the "
            "customer for the photo.",
            text=text,
        )
    )
    return ShopPhoto(position, None, problem)


def _addresses(text: str) -> list[str]:
    """The different addresses in a text; whether they may be fetched is the download's matter."""
    if text.startswith("//"):
        text = f"https:{text}"
    # An address may hold spaces, and another address inside, but no line break.
    is_one = "\n" not in text and (text.count("://") == 1 or not re.search(r"\s", text))
    if is_one and _is_address(text):
        return [text]
    found = (html.unescape(each).rstrip(_AT_ITS_END) for each in _IN_TEXT.findall(text))
    return [each for each in dict.fromkeys(found) if _is_address(each)]


def _is_address(text: str) -> bool:
    if len(text) > _LONGEST_ADDRESS or not text.lower().startswith(("http://", "https://")):
        return False
    beginning = _BEGINNING.match(text)
    rest = text[beginning.end() :] if beginning else text
    # A shop's photos are on few hosts, and what follows is any address as long as it is plain.
    is_plain = rest.isascii() and rest.isprintable()
    return _has_host(beginning[0] if beginning and is_plain else text)


@lru_cache(maxsize=256)
def _has_host(text: str) -> bool:
    try:
        return bool(httpx.URL(text).host)
    except (httpx.InvalidURL, ValueError):
        return False

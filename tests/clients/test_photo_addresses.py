"""What counts as a photo's address, whatever stands in its place."""

import httpx
import pytest

from fototui.clients.shopify.photo_addresses import read_photos

ADDRESSES = [
    "https://cdn.example.com/a.jpg",
    "https://cdn.example.com/a b.jpg?x=1#y",
    "https://cdn.example.com",
    "https://cdn.example.com:8443/ě.jpg",
    "https://jana:heslo@cdn.example.com/a.jpg",
    "https://127.0.0.1:8080/a.jpg",
    "https://[::1]/a.jpg",
    "http://žluťoučký.cz/a.jpg",
]
NONE = [
    "https:///a.jpg",
    "https://999.1.1.1/a.jpg",
    "https://cdn.example.com:x/a.jpg",
    "https://cdn.example.com/\x07.jpg",
    "https://[::1/a.jpg",
    "https://" + "a" * 9000,
    "ftp://cdn.example.com/a.jpg",
]


@pytest.mark.parametrize("text", [*ADDRESSES, *NONE])
def test_an_address_is_one_wherever_it_stands(text: str) -> None:
    for _ in range(2):  # hosts are remembered
        (photo,) = read_photos(1, [("fotka 1", text)])
        assert (photo.url == text) is (text in ADDRESSES)
    if text in ADDRESSES:
        assert httpx.URL(text).host

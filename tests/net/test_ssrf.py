from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototui.domain.errors import PermanentError, TransientError
from fototui.net.ssrf import AddressCheck, is_public, read_address, redirected
from tests.clients.photo_net import Names

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1::1"

CLOSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:5db8:d822::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:2800:220:1::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", CLOSED)
def test_closed_addresses(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        PUBLIC_6,
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "2a00:1450:4014:80e::200e",
        "64:ff9b::5db8:d822",
    ],
)
def test_public_addresses(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@settings(max_examples=300)
@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_calls_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address) and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    ("text", "url", "server"),
    [
        (" https://cdn.test/a.jpg#top \n", "https://cdn.test/a.jpg", "cdn.test:443"),
        ("HTTP://CDN.Test:8080/A.jpg?k=1", "http://cdn.test:8080/A.jpg?k=1", "cdn.test:8080"),
        ("http://cdn.test:80", "http://cdn.test", "cdn.test:80"),
        ("https://cdn.test./a", "https://cdn.test/a", "cdn.test:443"),
        ("https://bücher.test/á", "https://xn--bcher-kva.test/%C3%A1", "xn--bcher-kva.test:443"),
        ("http://93.184.216.34/a", "http://93.184.216.34/a", "93.184.216.34:80"),
        ("http://[2606:2800::1]:81/a", "http://[2606:2800::1]:81/a", "[2606:2800::1]:81"),
        ("http://127。0。0。1/", "http://127.0.0.1/", "127.0.0.1:80"),
    ],
)
def test_addresses_are_read(text: str, url: str, server: str) -> None:
    target = read_address(text)
    assert str(target.url) == url
    assert target.server == server


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cannot be read"),
        ("photo.jpg", "cannot be read"),
        ("//cdn.test/a.jpg", "cannot be read"),
        ("http://", "cannot be read"),
        ("http:///etc/passwd", "cannot be read"),
        ("https:cdn.test/a.jpg", "cannot be read"),
        ("http://./", "cannot be read"),
        ("http://cdn.test:port/", "cannot be read"),
        ("http://cdn.test:" + "9" * 5000, "cannot be read"),
        ("http://cdn.test/\ud800", "cannot be read"),
        ("http://cdn.test/a\r\nHost: evil", "cannot be read"),
        ("http://[::1", "cannot be read|no proper address"),
        ("http://256.1.1.1/", "cannot be read|no proper address"),
        ("file:///etc/passwd", "begins with file:"),
        ("ftp://cdn.test/a.jpg", "begins with ftp:"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "begins with gopher:"),
        ("data:image/png;base64,iVBORw0KGgo=", "begins with data:"),
        ("javascript:alert(1)", "begins with javascript:"),
        ("http://cdn.test:0/", "port 0"),
        ("http://cdn.test:65536/", "port 65536"),
        ("http://cdn.test:-1/", "port -1|cannot be read"),
        ("http://user@cdn.test/", "user name or a password"),
        ("http://user:secret@cdn.test/", "user name or a password"),
        ("http://cdn.test\\@127.0.0.1/", "user name or a password"),
        ("http://2130706433/", "no proper address|cannot be read"),
        ("http://0x7f000001/", "no proper address"),
        ("http://0x7f.0.0.1/", "no proper address"),
        ("http://0177.0.0.1/", "no proper address|cannot be read"),
        ("http://127.1/", "no proper address"),
        ("http://127.0.1/", "no proper address"),
        ("http://0/", "no proper address"),
        ("http://0x/", "no proper address"),
        ("http://cdn..test/", "no proper address"),
        ("http://.cdn.test/", "no proper address"),
        ("http://" + "a" * 64 + ".test/", "no proper address"),
        ("http://" + ".".join(["abcdefg"] * 40), "no proper address"),
        ("http://a%00b.test/", "no proper address"),
        ("http://cdn.test%2f@evil.test/", "user name or a password"),
        ("http://[::1%25lo]/", "no proper address|cannot be read|private"),
    ],
)
async def test_addresses_that_are_never_asked(text: str, sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence) as caught:
        await AddressCheck(frozenset()).locate(read_address(text))
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith(".")


@settings(max_examples=200)
@given(st.text() | st.from_regex(r"https?://[^/]{0,30}/?.{0,20}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        target = read_address(text)
    except PermanentError:
        return
    assert target.url.scheme in ("http", "https")
    assert 1 <= target.port <= 65535
    assert len(str(target)) <= 120


def test_people_see_no_keys() -> None:
    path = "/customers/4711/uploads/" + "x" * 100 + "/photo%1b.jpg"
    target = read_address(f"https://cdn.test{path}?X-Amz-Signature=topsecret#x")
    assert str(target) == "cdn.test/…/photo.jpg"
    assert "topsecret" not in repr(target)
    assert str(read_address("https://cdn.test")) == "cdn.test/"


async def test_a_name_leads_where_it_was_checked() -> None:
    names = Names().set("cdn.test", [PUBLIC_6, PUBLIC, PUBLIC])
    target = await AddressCheck(frozenset(), resolver=names).locate(read_address("http://cdn.test"))
    assert target.addresses == (PUBLIC_6, PUBLIC)
    assert names.asked == ["cdn.test"]


async def test_an_ip_address_is_not_looked_up() -> None:
    names = Names()
    check = AddressCheck(frozenset(), resolver=names)
    assert (await check.locate(read_address(f"http://{PUBLIC}"))).addresses == (PUBLIC,)
    assert names.asked == []


@pytest.mark.parametrize("address", CLOSED)
async def test_names_that_lead_inside_are_refused(address: str) -> None:
    names = Names().set("cdn.test", [PUBLIC, address])
    with pytest.raises(PermanentError, match="private network"):
        await AddressCheck(frozenset(), resolver=names).locate(read_address("http://cdn.test"))


async def test_a_name_server_that_answers_nonsense_is_not_believed() -> None:
    names = Names().set("cdn.test", ["localhost"])
    with pytest.raises(PermanentError, match="private network"):
        await AddressCheck(frozenset(), resolver=names).locate(read_address("http://cdn.test"))


@pytest.mark.parametrize(
    ("trusted", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080/a"),
        ("LocalHost:80", "http://localhost/a"),
        ("[::1]:443", "https://[::1]/a"),
    ],
)
async def test_trusted_servers_may_stand_inside(trusted: str, url: str) -> None:
    check = AddressCheck(frozenset({trusted}), resolver=Names().set("localhost", ["127.0.0.1"]))
    assert (await check.locate(read_address(url))).addresses


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081/a", "http://127.0.0.2:8080/", "http://localhost:8080/"]
)
async def test_trust_is_exact(url: str) -> None:
    names = Names().set("localhost", ["127.0.0.1"])
    with pytest.raises(PermanentError, match="PHOTO_TRUSTED_HOSTS"):
        await AddressCheck(frozenset({"127.0.0.1:8080"}), resolver=names).locate(read_address(url))


@pytest.mark.parametrize("answer", [[], None])
async def test_a_name_that_is_not_found_may_be_found_later(answer: list[str] | None) -> None:
    names = Names() if answer is None else Names().set("cdn.test", answer)
    with pytest.raises(TransientError, match=r"cdn\.test of a photo is not found"):
        await AddressCheck(frozenset(), resolver=names).locate(read_address("http://cdn.test"))


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b.jpg", "https://cdn.test/b.jpg"),
        (" b.jpg?x=1#y ", "https://cdn.test/a/b.jpg?x=1"),
        ("//other.test/b", "https://other.test/b"),
        ("http://other.test/á", "http://other.test/%C3%A1"),
        ("", "https://cdn.test/a/a.jpg"),
    ],
)
def test_redirects_are_read_like_addresses(location: str, url: str) -> None:
    assert str(redirected(read_address("https://cdn.test/a/a.jpg"), location).url) == url


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://u:p@cdn.test/", "http://[", "//0x7f.1/", "\ud800"]
)
def test_redirects_are_refused_like_addresses(location: str) -> None:
    with pytest.raises(PermanentError):
        redirected(read_address("https://cdn.test/a/a.jpg"), location)

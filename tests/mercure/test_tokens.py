import time

import jwt
import pytest
from pydantic import SecretStr

from fototui.domain.errors import ConfigurationError
from fototui.mercure.address import hub_address
from fototui.mercure.tokens import (
    TOKEN_SECONDS,
    Claims,
    KeptToken,
    TokenError,
    publish_token,
    read_token,
    subscribe_token,
)

KEY = SecretStr("a-key-that-is-long-enough-for-HS256-really")
SHORT = SecretStr("!ChangeMe!")


def test_a_token_says_what_it_allows_and_until_when() -> None:
    before = int(time.time())
    claims = read_token(publish_token(KEY), KEY)
    assert claims.publish == ("*",)
    assert claims.subscribe == ()
    assert claims.expires_at is not None
    assert before <= claims.expires_at - TOKEN_SECONDS <= time.time() + 1
    allowed = read_token(subscribe_token(KEY, ("orders", "orders/{id}")), KEY)
    assert allowed.publish is None
    assert allowed.subscribe == ("orders", "orders/{id}")


def test_a_token_is_kept_for_its_hour_and_never_about_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = time.time()
    monkeypatch.setattr(time, "time", lambda: clock)
    kept = KeptToken(KEY)
    first = token = kept.get()
    for passed, is_first in ((0, True), (TOKEN_SECONDS - 1, True), (TOKEN_SECONDS + 1, False)):
        monkeypatch.setattr(time, "time", lambda passed=passed: clock + passed)
        token = kept.get()
        assert (token == first) is is_first
        expires_at = jwt.decode(token, options={"verify_signature": False})["exp"]
        assert expires_at >= clock + passed + TOKEN_SECONDS
    monkeypatch.setattr(time, "time", lambda: clock - 1)  # set back
    assert kept.get() not in (first, token)


def test_the_payload_is_what_hubs_expect() -> None:
    payload = jwt.decode(publish_token(KEY), KEY.get_secret_value(), algorithms=["HS256"])
    assert payload["mercure"] == {"publish": ["*"]}
    assert set(payload) == {"mercure", "exp"}
    assert isinstance(payload["exp"], int)


def test_a_short_key_signs_as_it_is_and_without_a_warning() -> None:
    token = publish_token(SHORT)  # a warning would fail this test
    assert read_token(token, SHORT).publish == ("*",)
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        payload = jwt.decode(token, SHORT.get_secret_value(), algorithms=["HS256"])
    assert payload["mercure"] == {"publish": ["*"]}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        publish_token(SHORT),
        publish_token(KEY, seconds=-1),
        jwt.encode({"mercure": []}, KEY.get_secret_value(), algorithm="HS256"),
        jwt.encode({"mercure": {"publish": "*"}}, KEY.get_secret_value(), algorithm="HS256"),
        jwt.encode({"mercure": {}, "exp": "soon"}, KEY.get_secret_value(), algorithm="HS256"),
    ],
    # Tokens hold the time: workers that collect in different seconds would disagree on the names.
    ids=["empty", "garbage", "another key", "expired", "a list", "a text", "no time"],
)
def test_a_bad_token_is_an_error_that_does_not_show_the_key(token: str) -> None:
    with pytest.raises(TokenError) as caught:
        read_token(token, KEY)
    assert KEY.get_secret_value() not in str(caught.value)
    assert caught.value.code == "token"


def test_a_token_without_claims_allows_nothing() -> None:
    token = jwt.encode({}, KEY.get_secret_value(), algorithm="HS256")
    assert read_token(token, KEY) == Claims(publish=None, subscribe=(), expires_at=None)


def test_an_empty_key_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match="MERCURE_PUBLISHER_JWT_KEY"):
        publish_token(SecretStr(""))


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("http://hub", "http://hub/.well-known/mercure"),
        ("https://hub:3000/", "https://hub:3000/.well-known/mercure"),
        ("http://hub/.well-known/mercure", "http://hub/.well-known/mercure"),
        ("https://shop/hub/.well-known/mercure ", "https://shop/hub/.well-known/mercure"),
    ],
)
def test_an_address_is_completed(given: str, full: str) -> None:
    assert hub_address(given) == full


@pytest.mark.parametrize("given", ["", "hub:3000", "ftp://hub", "http://", "/.well-known/mercure"])
def test_a_bad_address_is_said_so(given: str) -> None:
    with pytest.raises(ConfigurationError, match="MERCURE_URL"):
        hub_address(given)

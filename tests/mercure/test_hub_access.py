"""Who may publish and who may listen, and what is refused: one table for both hubs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import jwt
import pytest
from pydantic import SecretStr

from fototui.mercure.tokens import publish_token, subscribe_token
from tests.mercure.conftest import (
    PUBLISHER_KEY,
    SUBSCRIBER_KEY,
    HubKind,
    Options,
    RunningHub,
    StartHub,
    running,
    topic,
)

WRONG_KEY = SecretStr("another-key-that-the-hub-does-not-know-0")


def signed(
    payload: dict[str, object], *, key: SecretStr = PUBLISHER_KEY, alg: str = "HS256"
) -> str:
    return jwt.encode(payload, key.get_secret_value().encode().ljust(64, b"\0"), algorithm=alg)


def mercure(**claims: object) -> dict[str, object]:
    return {"mercure": claims}


GOOD = publish_token(PUBLISHER_KEY)
ORDERS_ONLY = publish_token(PUBLISHER_KEY, ("orders", "orders/{id}"))


@dataclass(frozen=True)
class Post:
    """One publishing request, and what the hubs answer."""

    name: str
    status: int
    body: str | None = None
    token: str | None = GOOD
    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""
    form: str = "topic=orders%2F1&data=x"
    media_type: str = "application/x-www-form-urlencoded"


UNAUTHORIZED = "Unauthorized\n"
POSTS = [
    Post("a good one", 200),
    Post("several topics", 200, form="topic=orders&topic=orders%2F1&topic=a"),
    Post("an id of one's own", 200, "my-id", form="topic=orders&id=my-id"),
    Post("an id with a hash", 200, "#my-id", form="topic=orders&id=%23my-id"),
    Post("an id in Czech", 200, "žluťoučký", form="topic=a&id=%C5%BElu%C5%A5ou%C4%8Dk%C3%BD"),
    Post("no data", 200, form="topic=orders"),
    Post("a plus is a space", 200, "a b", form="topic=orders&id=a+b"),
    Post("a charset", 200, media_type="application/x-www-form-urlencoded; charset=utf-8"),
    Post("the longest retry", 200, form=f"topic=orders&retry={2**64 - 1}"),
    # Tokens.
    Post("no token", 401, UNAUTHORIZED, token=None),
    Post("a subscriber's token", 401, UNAUTHORIZED, token=subscribe_token(SUBSCRIBER_KEY)),
    Post("another key", 401, UNAUTHORIZED, token=publish_token(WRONG_KEY)),
    Post("expired", 401, UNAUTHORIZED, token=publish_token(PUBLISHER_KEY, seconds=-5)),
    Post("not yet", 401, token=signed(mercure(publish=["*"]) | {"nbf": time.time() + 9999})),
    Post("issued in the future", 200, token=signed(mercure(publish=["*"]) | {"iat": 2**33})),
    Post("for some audience", 200, token=signed(mercure(publish=["*"]) | {"aud": "shop"})),
    Post("no expiry", 200, token=signed(mercure(publish=["*"]))),
    Post("other algorithm", 401, token=signed(mercure(publish=["*"]), alg="HS512")),
    Post("unsigned", 401, token=jwt.encode(mercure(publish=["*"]), "", algorithm="none")),
    Post("no claim", 401, token=signed({"sub": "somebody, to make this one longer"})),
    Post("a claim for subscribing only", 401, token=signed(mercure(subscribe=["*"]))),
    Post("an empty claim", 401, token=signed(mercure(publish=[]))),
    Post("a null claim", 401, token=signed(mercure(publish=None))),
    Post("a claim of the wrong kind", 401, token=signed(mercure(publish="*"))),
    Post("a claim with a number", 401, token=signed(mercure(publish=["*", 1]))),
    Post("too many selectors", 401, token=signed(mercure(publish=["*"] * 1001))),
    Post("the longest claim", 200, token=signed(mercure(publish=["a"] * 999 + ["*"]))),
    Post("namespaced", 200, token=signed({"https://mercure.rocks/": {"publish": ["*"]}})),
    Post(
        "the namespaced one counts",
        401,
        token=signed(mercure(publish=["*"]) | {"https://mercure.rocks/": {"publish": ["b"]}}),
    ),
    Post("garbage", 401, token="x" * 60),
    Post("short garbage", 401, token="x"),
    Post("no bearer", 401, token=None, headers={"Authorization": f"Basic {GOOD}"}),
    Post("small bearer", 401, token=None, headers={"Authorization": f"bearer {GOOD}"}),
    Post("in the query", 200, token=None, query=f"authorization={GOOD}"),
    Post("twice in the query", 401, token=None, query=f"authorization={GOOD}&authorization=x"),
    Post("the header counts", 401, token="x" * 60, query=f"authorization={GOOD}"),
    Post("the query counts", 401, token=None, query="authorization=x",
         headers={"Cookie": f"mercureAuthorization={GOOD}", "Origin": "https://shop.example"}),
    # Cookies, with an allowed origin or without.
    Post("a cookie alone", 401, token=None, headers={"Cookie": f"mercureAuthorization={GOOD}"}),
    Post("a cookie of the shop", 200, token=None,
         headers={"Cookie": f"mercureAuthorization={GOOD}", "Origin": "https://shop.example"}),
    Post("a cookie from its subdomain", 200, token=None,
         headers={"Cookie": f"mercureAuthorization={GOOD}", "Origin": "https://a.shop.example"}),
    Post("a cookie by referer", 200, token=None,
         headers={"Cookie": f"mercureAuthorization={GOOD}",
                  "Referer": "https://shop.example/page?x"}),
    Post("a cookie from elsewhere", 401, token=None,
         headers={"Cookie": f"mercureAuthorization={GOOD}", "Origin": "https://evil.example"}),
    # What a token may publish on.
    Post("an allowed topic", 200, token=ORDERS_ONLY, form="topic=orders%2F1"),
    Post("a topic not allowed", 401, UNAUTHORIZED, token=ORDERS_ONLY, form="topic=stock"),
    Post("one not allowed of two", 401, token=ORDERS_ONLY, form="topic=orders&topic=stock"),
    Post("private and not allowed", 401, token=ORDERS_ONLY, form="topic=stock&private=on"),
    # Forms.
    Post("no topic", 400, 'Missing "topic" parameter\n', form="data=x"),
    Post("nothing", 400, 'Missing "topic" parameter\n', form=""),
    Post("topics in the query only", 400, form="data=x", query="topic=orders"),
    Post("not a form", 400, 'Missing "topic" parameter\n', media_type="application/json"),
    Post("no media type", 400, 'Missing "topic" parameter\n', media_type=""),
    Post("most topics", 200, form="&".join(["topic=a"] * 1000)),
    Post("too many topics", 400, "too many topics in update\n",
         form="&".join(["topic=a"] * 1001)),
    Post("a semicolon", 400, "Bad Request\n", form="topic=a;data=x"),
    Post("a broken escape", 400, "Bad Request\n", form="topic=a&data=%zz"),
    Post("a broken query", 400, "Bad Request\n", query="x=%zz"),
    Post("retry is a word", 400, 'Invalid "retry" parameter\n', form="topic=a&retry=soon"),
    Post("retry is negative", 400, form="topic=a&retry=-1"),
    Post("retry has a sign", 400, form="topic=a&retry=%2B1"),
    Post("retry is a fraction", 400, form="topic=a&retry=1.5"),
    Post("retry is too long", 400, form=f"topic=a&retry={2**64}"),
    Post("empty retry", 200, form="topic=a&retry="),
    Post("the hub's own topics", 403,
         '"/.well-known/mercure/x": topic value references the reserved "/.well-known/mercure" '
         "namespace\n", form="topic=/.well-known/mercure/x"),
    Post("the hub's own topics in a URL", 403, form="topic=https://a/.well-known/mercure"),
    Post("a line in the id", 400, '"id" field contains a forbidden control character\n',
         form="topic=a&id=x%0Adata:+forged"),
    Post("a NUL in the id", 400, form="topic=a&id=%00"),
    Post("a line in the type", 400, '"type" field contains a forbidden control character\n',
         form="topic=a&type=x%0D"),
    Post("a body too long", 400, "Bad Request\n", form="topic=a&data=" + "x" * 10 * 2**20),
]  # fmt: skip


@pytest.fixture(scope="module")
def strict_hub(kind: HubKind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub for the whole table, which knows the shop's origins."""
    origins = ("https://shop.example", "https://*.shop.example")
    options = Options(publish_origins=origins)
    with running(kind, options, tmp_path_factory.mktemp("strict")) as url:
        yield url


@pytest.mark.parametrize("post", POSTS, ids=lambda post: post.name)
async def test_publishing(post: Post, strict_hub: str, hub: RunningHub) -> None:
    headers = dict(post.headers)
    if post.media_type:
        headers["Content-Type"] = post.media_type
    if post.token is not None:
        headers["Authorization"] = f"Bearer {post.token}"
    url = f"{strict_hub}?{post.query}" if post.query else strict_hub
    answer = await hub.client.post(url, content=post.form.encode(), headers=headers)
    assert answer.status_code == post.status
    if post.body is not None:
        assert answer.text == post.body
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_hub_makes_up_an_id(hub: RunningHub) -> None:
    first, second = await hub.publish("a"), await hub.publish("a")
    assert first.text.startswith("urn:uuid:")
    assert first.text != second.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods(hub: RunningHub, method: str) -> None:
    assert (await hub.client.request(method, hub.url)).status_code == 405


async def test_other_paths(hub: RunningHub) -> None:
    assert (await hub.client.get(hub.url + "s")).status_code == 404


LISTENER = subscribe_token(SUBSCRIBER_KEY)


@pytest.mark.parametrize(
    ("status", "token", "query", "cookie"),
    [
        pytest.param(200, LISTENER, "topic=a", "", id="good"),
        pytest.param(200, "", f"topic=a&authorization={LISTENER}", "", id="in the query"),
        pytest.param(200, "", "topic=a", LISTENER, id="a cookie needs no origin"),
        pytest.param(401, "", "topic=a", "", id="no token"),
        pytest.param(401, GOOD, "topic=a", "", id="a publisher's token"),
        pytest.param(401, "x" * 60, "topic=a", LISTENER, id="the header counts"),
        pytest.param(401, "", "topic=a", "x" * 60, id="a bad cookie"),
        pytest.param(400, LISTENER, "", "", id="no topic"),
        pytest.param(400, LISTENER, "topics=a", "", id="a wrong parameter"),
        pytest.param(200, LISTENER, "topic=a&x=%zz", "", id="a broken parameter is passed over"),
        pytest.param(400, LISTENER, "topic=%zz", "", id="a broken topic is none"),
        pytest.param(200, LISTENER, "topic=", "", id="an empty topic is one"),
        pytest.param(200, LISTENER, "&".join(["topic=a"] * 1000), "", id="most topics"),
        pytest.param(400, LISTENER, "&".join(["topic=a"] * 1001), "", id="too many topics"),
        pytest.param(
            200, signed(mercure(), key=SUBSCRIBER_KEY), "topic=a", "", id="nothing private allowed"
        ),
        pytest.param(401, subscribe_token(SUBSCRIBER_KEY, seconds=-5), "topic=a", "", id="expired"),
    ],
)
async def test_subscribing(
    hub: RunningHub, status: int, token: str, query: str, cookie: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if cookie:
        headers["Cookie"] = f"mercureAuthorization={cookie}"
    async with hub.client.stream("GET", f"{hub.url}?{query}", headers=headers) as answer:
        assert answer.status_code == status
        expected = "text/event-stream" if status == 200 else "text/plain; charset=utf-8"
        assert answer.headers["content-type"] == expected


async def test_without_a_token_where_that_is_allowed(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(anonymous=True) as hub:
        async with hub.listen(about, token="") as anyone, hub.listen(about) as operator:
            await hub.publish(about, data="secret", private="on")
            await hub.publish(about, data="for all")
            assert (await operator.next()).data == "secret"
            assert (await anyone.next()).data == "for all"
        async with hub.listen(about, token="x" * 60) as forger:
            assert forger.response.status_code == 401


@pytest.mark.parametrize(
    ("subscribed", "allowed", "published", "is_received"),
    [
        pytest.param("orders/1", ("*",), ("orders/1",), True, id="all allowed"),
        pytest.param("orders/1", ("orders/1",), ("orders/1",), True, id="just that"),
        pytest.param("orders/{id}", ("orders/{id}",), ("orders/1",), True, id="by template"),
        pytest.param("*", ("orders/{id}",), ("orders/1",), True, id="asked for more"),
        pytest.param("orders/1", ("orders/2",), ("orders/1",), False, id="another allowed"),
        pytest.param("orders/2", ("*",), ("orders/1",), False, id="not asked for"),
        pytest.param("orders/1", (), ("orders/1",), False, id="nothing allowed"),
        pytest.param("a", ("b",), ("a", "b"), True, id="asked for one, allowed the other"),
        pytest.param("a", ("c",), ("a", "b"), False, id="asked for one, allowed none"),
    ],
)
async def test_private_updates(
    hub: RunningHub,
    subscribed: str,
    allowed: tuple[str, ...],
    published: tuple[str, ...],
    is_received: bool,
) -> None:
    end = topic()
    token = subscribe_token(SUBSCRIBER_KEY, allowed)
    async with hub.listen(subscribed, end, token=token) as listener:
        await hub.publish(*published, data="secret", private="")
        await hub.publish(end, data="end")
        assert await listener.until("end") == (["secret"] if is_received else [])


async def test_pages_of_other_origins_are_told_so(start_hub: StartHub) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "last-event-id",
    }
    with start_hub(cors_origins=("https://shop.example",)) as hub:
        allowed = await hub.client.options(hub.url, headers=asked)
        foreign = await hub.client.options(hub.url, headers=asked | {"Origin": "https://a.b"})
        answer = await hub.client.post(hub.url, headers={"Origin": "https://shop.example"})
    assert allowed.is_success
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert allowed.headers["access-control-allow-credentials"] == "true"
    assert "last-event-id" in allowed.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-origin" not in foreign.headers
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


async def test_no_origin_is_told_anything_by_default(hub: RunningHub) -> None:
    answer = await hub.client.post(hub.url, headers={"Origin": "https://shop.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]

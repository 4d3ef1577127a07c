"""Which topics a selector means: one table for both hubs, and chance for what the table forgot."""

import random
from contextlib import AsyncExitStack

import pytest

from fototui.mercure.hub.topics import matches
from tests.mercure.conftest import HubKind, RunningHub

TOPICS = [
    "orders",
    "orders/",
    "orders/01J",
    "orders/01J/images",
    "orders/a%20b",
    "orders/a b",
    "orders/ž",
    "orders/%C5%BE",
    "orders/a,b",
    "orders/a=b",
    "orders/~a-b._",
    "order",
    "orders?x=1",
    "orders?anything",
    "orders?x=1&y=2",
    "orders.json",
    "orders.tar.gz",
    "orders;a=1",
    "orders;a=1;b=2",
    "orders#top",
    "orders&x=1",
    "orders/{id}",
    "*",
]
VALUES = ["orders/", "orders/01J", "orders/a%20b", "orders/%C5%BE", "orders/a,b", "orders/~a-b._"]
NOT_IN_A_URI = {"orders/a b", "orders/ž", "orders/{id}"}

# Selector → the topics it means, of those above.
MEANT: dict[str, list[str]] = {
    "orders": ["orders"],
    "*": TOPICS,
    "orders/{id}": [*VALUES, "orders/{id}"],
    "orders/{any_name}": VALUES,
    "orders/{a,b}": VALUES,
    "orders/{a*}": [*VALUES, "orders/a=b"],
    "orders/{id:3}": VALUES,
    "{+path}": [topic for topic in TOPICS if topic not in NOT_IN_A_URI],
    "orders{+rest}": [
        topic for topic in TOPICS if topic not in NOT_IN_A_URI and topic.startswith("orders")
    ],
    "orders{/id}": ["orders", *VALUES],
    "orders{/id,more}": ["orders", *VALUES, "orders/01J/images"],
    "orders{/path*}": ["orders", *VALUES, "orders/01J/images", "orders/a=b"],
    "orders{?x}": ["orders", "orders?x=1", "orders?anything"],
    "orders{?x,y}": ["orders", "orders?x=1", "orders?anything", "orders?x=1&y=2"],
    "orders{;a}": ["orders", "orders;a=1"],
    "orders{;a,b}": ["orders", "orders;a=1", "orders;a=1;b=2"],
    "orders{.ext}": ["orders", "orders.json", "orders.tar.gz"],
    "orders{#part}": ["orders", "orders#top"],
    "orders{&x}": ["orders", "orders&x=1"],
    "Orders/{id}": [],
    # No valid templates, so only themselves.
    "orders/{id": [],
    "orders/{}": [],
    "orders/{=id}": [],
    "orders/{a-b}": [],
    "orders/%4{id}": [],
    "orders/{id:0}": [],
}
END = "the end of the test"


async def received(hub: RunningHub, selectors: list[str], topics: list[str]) -> dict[str, set[str]]:
    """Publish on every topic, and see what a subscriber of each selector gets."""
    async with AsyncExitStack() as stack:
        listeners = {
            selector: await stack.enter_async_context(hub.listen(selector, END))
            for selector in selectors
        }
        for topic in topics:
            assert (await hub.publish(topic, data=topic)).status_code == 200
        await hub.publish(END, data=END)
        return {selector: set(await one.until(END)) for selector, one in listeners.items()}


async def test_every_selector_means_its_topics(hub: RunningHub) -> None:
    got = await received(hub, list(MEANT), TOPICS)
    assert got == {selector: set(topics) for selector, topics in MEANT.items()}


@pytest.mark.parametrize("kind", [HubKind.REFERENCE], indirect=True)
async def test_random_templates_mean_the_same_at_the_reference(hub: RunningHub) -> None:
    chance = random.Random(20261120)
    variables = ["a", "ab", "a.b", "a:3", "a*", "b*", "%41"]
    literals = ["a", "/", ".", ",", "=", "%41", "?", "&", ";", "#", "é", "~", " ", "}"]

    def expression() -> str:
        names = chance.choices(variables, k=chance.choice([1, 1, 2, 3]))
        return f"{{{chance.choice(['', *'+#./;?&'])}{','.join(names)}}}"

    templates = [
        "".join(
            expression() if chance.random() < 0.5 else chance.choice(literals[:6])
            for _ in range(chance.randint(1, 4))
        )
        for _ in range(60)
    ]
    topics = ["".join(chance.choices(literals, k=chance.randint(1, 8))) for _ in range(100)]
    got = await received(hub, templates, topics)
    expected = {
        template: {topic for topic in topics if matches(template, topic)} for template in templates
    }
    assert got == expected
    assert sum(map(len, expected.values())) > 100  # chance was not empty-handed


@pytest.mark.parametrize(
    "template", ["{+a*}z", "{a*}{b*}{c*}z", "{/a*}{/b*}z", "{a}" * 200 + "/", "{+a}{+b}{+c}{+d}\n"]
)
def test_no_template_takes_long(template: str) -> None:
    # One that tries every way to share the text out would go on for ages.
    assert not matches(template, "/," * 1_000)

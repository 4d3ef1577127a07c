"""Events on the wire, and which changes make them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fototui.domain.events import (
    BATCH_EVENT_REGISTRY,
    EVENT_REGISTRY,
    BatchMercureEvent,
    Change,
    ChangeContext,
    Event,
    ImageStatusEvent,
    ImageUpdateEvent,
    ListUpdateEvent,
    MercureEvent,
    MercureEventType,
    Operation,
    OrderUpdateEvent,
    parse_event,
)
from fototui.domain.statuses import (
    ColoringProcessingStatus,
    OrderStatus,
    SvgProcessingStatus,
    VersionType,
)

ORDER = "01J5ZK3V9QW8X7Y6T5R4E3W2Q1"
CONTEXT = ChangeContext(order_id=ORDER, image_id=7)

WIRE: list[tuple[Event, dict[str, object], list[str]]] = [
    (ListUpdateEvent(), {"type": "list_update", "order_ids": []}, ["orders"]),
    (
        ListUpdateEvent(order_ids=("A", "B")),
        {"type": "list_update", "order_ids": ["A", "B"]},
        ["orders"],
    ),
    (
        OrderUpdateEvent(order_id=ORDER),
        {"type": "order_update", "order_id": ORDER},
        [f"orders/{ORDER}"],
    ),
    (
        ImageUpdateEvent(order_id=ORDER, image_id=7),
        {"type": "image_update", "order_id": ORDER, "image_id": 7},
        [f"orders/{ORDER}"],
    ),
    (
        ImageStatusEvent(
            order_id=ORDER,
            image_id=7,
            status_type=VersionType.SVG,
            version_id=9,
            status="vectorizer_processing",
        ),
        {
            "type": "image_status",
            "order_id": ORDER,
            "image_id": 7,
            "status_type": "svg",
            "version_id": 9,
            "status": "vectorizer_processing",
        },
        [f"orders/{ORDER}"],
    ),
]


@pytest.mark.parametrize(("event", "wire", "topics"), WIRE)
def test_an_event_on_the_wire(event: Event, wire: dict[str, object], topics: list[str]) -> None:
    assert json.loads(event.model_dump_json()) == wire
    assert event.get_topics() == topics
    assert parse_event(json.dumps(wire)) == event
    assert parse_event(event.model_dump_json()) == event


@pytest.mark.parametrize(("event", "wire"), [case[:2] for case in WIRE])
def test_a_newer_publisher_may_say_more(event: Event, wire: dict[str, object]) -> None:
    assert parse_event(json.dumps({**wire, "by": "Jana", "nested": {"x": [1]}})) == event


@pytest.mark.parametrize(("event", "wire"), [case[:2] for case in WIRE if "order_id" in case[1]])
def test_an_older_publisher_names_the_order_by_its_number(
    event: Event, wire: dict[str, object]
) -> None:
    older = {key: value for key, value in wire.items() if key != "order_id"}
    parsed = parse_event(json.dumps({**older, "order_number": "1270"}))

    assert isinstance(parsed, MercureEvent)
    assert parsed == event.model_copy(update={"order_id": "1270"})
    assert parsed.get_topics() == ["orders/1270"]
    assert parse_event(json.dumps({**wire, "order_number": "1270"})) == event


@pytest.mark.parametrize(
    "data",
    [
        "",
        "not json",
        "null",
        "[]",
        '"order_update"',
        "{}",
        '{"type": null}',
        '{"type": ["order_update"]}',
        '{"type": "order_renamed", "order_id": "A"}',
        '{"type": "order_update"}',
        '{"type": "order_update", "order_id": 5}',
        '{"type": "order_update", "order_id": null}',
        '{"type": "image_update", "order_id": "A"}',
        '{"type": "image_update", "order_id": "A", "image_id": "seven"}',
        '{"type": "image_status", "order_id": "A", "image_id": 1, "version_id": 1, "status": "x"}',
        '{"type": "list_update", "order_ids": "A"}',
        "[" * 100_000,
        '{"type": ' + "9" * 5000 + "}",
    ],
)
def test_what_is_no_event_is_passed_over(data: str) -> None:
    assert parse_event(data) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "order_id", "order_number", "image_id", "order_ids", "status"]),
        json_values | st.sampled_from(list(MercureEventType)),
    ).map(json.dumps)
    | st.text()
)
def test_no_data_at_all_can_raise(data: str) -> None:
    event = parse_event(data)
    assert event is None or event.get_topics()


def test_a_status_that_is_not_known_yet_is_read() -> None:
    data = {"order_id": ORDER, "image_id": 1, "status_type": "svg", "version_id": 2}
    event = parse_event(json.dumps({"type": "image_status", **data, "status": "polishing"}))
    assert isinstance(event, ImageStatusEvent)
    assert event.status == "polishing"


def test_an_event_cannot_be_changed() -> None:
    event = OrderUpdateEvent(order_id=ORDER)
    with pytest.raises(ValidationError):
        event.order_id = "B"


def test_the_registries_know_every_type_once() -> None:
    assert EVENT_REGISTRY.keys() | BATCH_EVENT_REGISTRY.keys() == set(MercureEventType)
    assert not EVENT_REGISTRY.keys() & BATCH_EVENT_REGISTRY.keys()
    for kind, single in EVENT_REGISTRY.items():
        assert issubclass(single, MercureEvent)
        assert single.model_fields["type"].default is kind
    for kind, batch in BATCH_EVENT_REGISTRY.items():
        assert issubclass(batch, BatchMercureEvent)
        assert batch.model_fields["type"].default is kind


# --- what makes them ---------------------------------------------------------------------------


def _made(change: Change) -> set[str]:
    single = {name for name, kind in EVENT_REGISTRY.items() if kind.is_triggered_by(change)}
    batch = {name for name, kind in BATCH_EVENT_REGISTRY.items() if kind.is_triggered_by(change)}
    return {str(name) for name in single | batch}


@pytest.mark.parametrize(
    ("change", "made"),
    [
        (Change("Order", ORDER, Operation.INSERT, {"status": "pending"}), {"list_update"}),
        (Change("Order", ORDER, Operation.DELETE), {"list_update"}),
        (Change("Order", ORDER, Operation.UPDATE, {"status": "error"}), {"order_update"}),
        (Change("Order", ORDER, Operation.UPDATE, {"customer_name": "x"}), {"order_update"}),
        (Change("Order", ORDER, Operation.UPDATE, {"updated_at": 0}), set()),
        (Change("LineItem", 1, Operation.INSERT, {"title": "x"}), {"order_update"}),
        (Change("LineItem", 1, Operation.UPDATE, {"dedication": None}), {"order_update"}),
        (Change("LineItem", 1, Operation.UPDATE, {"shopify_line_item_id": 5}), set()),
        (Change("Image", 7, Operation.UPDATE, {"selected_svg_id": 1}), {"image_update"}),
        (Change("Image", 7, Operation.UPDATE, {"file_ref": object()}), {"image_update"}),
        (Change("Image", 7, Operation.UPDATE, {"original_url": "x"}), set()),
        (Change("Engine", 1, Operation.UPDATE, {"status": "x"}), set()),
    ],
)
def test_which_change_makes_which_event(change: Change, made: set[str]) -> None:
    assert _made(change) == made


@pytest.mark.parametrize(
    ("model", "statuses"),
    [("ColoringVersion", ColoringProcessingStatus), ("SvgVersion", SvgProcessingStatus)],
)
def test_a_versions_ends_are_image_updates_and_its_steps_are_statuses(
    model: str, statuses: type[ColoringProcessingStatus] | type[SvgProcessingStatus]
) -> None:
    for status in statuses:
        made = Change(model, 9, Operation.INSERT, {"status": status})
        moved = Change(model, 9, Operation.UPDATE, {"status": str(status)})
        assert _made(made) == {"image_update"}
        assert _made(moved) == {"image_update" if status.meta.is_final else "image_status"}
    assert _made(Change(model, 9, Operation.UPDATE, {"attempts": 2})) == set()
    assert _made(Change(model, 9, Operation.DELETE)) == set()


def test_events_are_made_with_the_fields_of_their_change() -> None:
    moved = Change(
        "ColoringVersion", 9, Operation.UPDATE, {"status": ColoringProcessingStatus.PROCESSING}
    )
    assert ImageStatusEvent.from_change(moved, CONTEXT) == ImageStatusEvent(
        order_id=ORDER,
        image_id=7,
        status_type=VersionType.COLORING,
        version_id=9,
        status="processing",
    )
    order = Change("Order", ORDER, Operation.UPDATE, {"status": OrderStatus.ERROR})
    assert OrderUpdateEvent.from_change(order, ChangeContext(ORDER)).order_id == ORDER
    image = Change("Image", 7, Operation.UPDATE, {"file_ref": None})
    assert ImageUpdateEvent.from_change(image, CONTEXT).image_id == 7
    for kind in EVENT_REGISTRY.values():
        wanted = {"order_id"} if kind is OrderUpdateEvent else {"order_id", "image_id"}
        assert kind.required_context == wanted


def test_identities() -> None:
    def status(version_id: int, kind: VersionType, value: str) -> ImageStatusEvent:
        return ImageStatusEvent(
            order_id=ORDER, image_id=7, status_type=kind, version_id=version_id, status=value
        )

    coloring, svg = VersionType.COLORING, VersionType.SVG
    same = [
        (OrderUpdateEvent(order_id="A"), OrderUpdateEvent(order_id="A")),
        (ImageUpdateEvent(order_id="A", image_id=1), ImageUpdateEvent(order_id="B", image_id=1)),
        (status(1, coloring, "queued"), status(1, coloring, "processing")),
        (ListUpdateEvent(), ListUpdateEvent(order_ids=("A",))),
    ]
    different = [
        OrderUpdateEvent(order_id="A"),
        OrderUpdateEvent(order_id="B"),
        ImageUpdateEvent(order_id="A", image_id=1),
        ImageUpdateEvent(order_id="A", image_id=2),
        status(1, coloring, "queued"),
        status(2, coloring, "queued"),
        status(1, svg, "queued"),
        ListUpdateEvent(),
    ]
    for one, other in same:
        assert one.identity_key() == other.identity_key()
    assert len({event.identity_key() for event in different}) == len(different)


def test_a_list_update_takes_no_other_s_place_and_all_else_does() -> None:
    assert ListUpdateEvent(order_ids=("A",)).subject() is None
    for event in (OrderUpdateEvent(order_id="A"), ImageUpdateEvent(order_id="A", image_id=1)):
        assert event.subject() == event.identity_key()


def test_a_list_update_is_made_of_the_orders_that_changed() -> None:
    events = [OrderUpdateEvent(order_id=order_id) for order_id in ("C", "A", "C", "B")]

    assert ListUpdateEvent.from_collected(events, everything=False) == ListUpdateEvent(
        order_ids=("A", "B", "C")
    )
    assert ListUpdateEvent.from_collected(events, everything=True) == ListUpdateEvent()
    assert ListUpdateEvent.from_collected([], everything=False) is None
    assert ListUpdateEvent.collect_events == (OrderUpdateEvent,)

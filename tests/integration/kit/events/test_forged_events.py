"""F5: whoever can write to a stream, but lacks the key of producer and consumer, makes no event that is applied."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from support.event_keys import KEY
from support.sample import GROUP, Pipeline, an_event, eventually
from whatsinvoice.payments.v1.events_pb2 import PaymentFailed
from whatsinvoice_kit.events.authentic import REFUSED, EventKeys, header_of, producer_of
from whatsinvoice_kit.events.dead_letters import list_dead
from whatsinvoice_kit.events.redrive import redrive
from whatsinvoice_kit.events.relay import encoded

OTHER = "a key that another pair of services shares"


@dataclass
class Forgery:
    """An event as an attacker puts it on the stream."""

    stream: str
    event: PaymentFailed = field(default_factory=an_event)
    key: str = KEY
    signed_stream: str = ""
    signed_group: str = GROUP
    signed_type: str = "PaymentFailed"
    signed_body: bytes = b""
    headers: dict[str, str] | None = None

    async def put(self, pipeline: Pipeline) -> None:
        body = self.event.SerializeToString()
        keys = EventKeys("attacker", {self.signed_group: [self.key]})
        made = keys.headers(
            self.signed_stream or self.stream, self.signed_type, self.event.event_id, self.signed_body or body
        )
        mac = {header_of(GROUP): made[header_of(self.signed_group)]} if self.headers is None else self.headers
        headers = {"event_type": "PaymentFailed", "event_id": self.event.event_id, "traceparent": "", **mac}
        await pipeline.broker.publish(body, stream=self.stream, headers=headers)


FORGERIES: dict[str, Callable[[str], Forgery]] = {
    "no MAC": lambda stream: Forgery(stream, headers={}),
    "an empty MAC": lambda stream: Forgery(stream, headers={header_of(GROUP): ""}),
    "not ASCII": lambda stream: Forgery(stream, headers={header_of(GROUP): "é" * 64}),
    "the key of another pair": lambda stream: Forgery(stream, key=OTHER),
    "made for another consumer": lambda stream: Forgery(stream, signed_group="invoices"),
    "made for another stream": lambda stream: Forgery(stream, signed_stream="whatsinvoice.auth.v1"),
    "made for another type": lambda stream: Forgery(stream, signed_type="PaymentSucceeded"),
    "made for another body": lambda stream: Forgery(stream, signed_body=b"another"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_f05_a_forged_event_changes_nothing_and_is_kept_aside(pipeline: Pipeline, forgery: str) -> None:
    await pipeline.broker.connect()
    refused = REFUSED.labels(pipeline.stream, GROUP)._value  # noqa: SLF001  prometheus has no public reader
    ids = await pipeline.publish(an_event())
    await FORGERIES[forgery](pipeline.stream).put(pipeline)
    await pipeline.relay.publish_batch()
    await pipeline.consume()
    await eventually(lambda: pipeline.happened(ids), 5)
    await eventually(lambda: list_dead(pipeline.redis, pipeline.stream, GROUP), 5)
    assert list(await pipeline.effects()) == ids
    assert refused.get() == 1


async def test_f05_a_forged_dead_letter_is_not_applied_by_redrive(pipeline: Pipeline) -> None:
    await pipeline.broker.connect()
    await Forgery(pipeline.stream, headers={}).put(pipeline)
    await pipeline.consume()
    await eventually(lambda: list_dead(pipeline.redis, pipeline.stream, GROUP), 5)
    assert await redrive(pipeline.redis, pipeline.stream, GROUP, pipeline.an_inbox().apply, pipeline.keys) == (0, 1)
    assert await pipeline.effects() == {}


async def test_f05_both_keys_prove_an_event_while_one_rotates(pipeline: Pipeline) -> None:
    await pipeline.broker.connect()
    event, stream = an_event(), pipeline.stream
    old = EventKeys(GROUP, {GROUP: [KEY]})
    new = EventKeys(GROUP, {GROUP: [OTHER, KEY], producer_of(stream): [OTHER, KEY]})
    body = event.SerializeToString()
    for keys in (old, new):
        mac = keys.headers(stream, "PaymentFailed", event.event_id, body)[header_of(GROUP)]
        assert new.proves(mac, stream, "PaymentFailed", event.event_id, body)
    gone = EventKeys(GROUP, {GROUP: [OTHER], producer_of(stream): [OTHER]})
    mac = old.headers(stream, "PaymentFailed", event.event_id, body)[header_of(GROUP)]
    assert not gone.proves(mac, stream, "PaymentFailed", event.event_id, body)


async def test_f05_an_event_carries_a_mac_for_each_consumer() -> None:
    @dataclass
    class Row:
        event_type: str = "PaymentFailed"
        event_id: str = "evt_1"
        payload: bytes = b"body"

    keys = EventKeys("payments", {"invoices": [KEY], "notifications": [OTHER]})
    entry = await encoded(keys, "whatsinvoice.payments.v1", Row(), "")
    for peer, key in (("invoices", KEY), ("notifications", OTHER)):
        assert header_of(peer).encode() in entry
        made = keys.headers("whatsinvoice.payments.v1", "PaymentFailed", "evt_1", b"body")[header_of(peer)]
        assert made.encode() in entry
        reader = EventKeys(peer, {"payments": [key]})
        assert reader.proves(made, "whatsinvoice.payments.v1", "PaymentFailed", "evt_1", b"body")

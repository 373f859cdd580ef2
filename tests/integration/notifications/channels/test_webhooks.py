"""Webhooks in: only genuine ones, each once, of whatever shape."""

import secrets
from typing import Any

import grpc
import pytest
from support.notifications.envelopes import a_contact, a_message, envelope
from support.notifications.stage import VERIFY_TOKEN, Merchant, Stage, a_phone, signed
from support.services import reason_of
from whatsinvoice.notifications.v1 import notifications_pb2 as pb
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_notifications.domain.inbound import StatusTold
from whatsinvoice_notifications.models import INBOUND_MESSAGES, INBOUND_STATUSES, INBOUND_UNREAD, MESSAGES
from whatsinvoice_notifications.service.webhooks import WebhookService

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_flipped_byte_leaves_no_row(stage: Stage) -> None:
    phone = a_phone()
    body = bytearray(envelope({"messages": [a_message(phone)]}))
    signature = signed(bytes(body))
    body[body.index(b"hello")] ^= 1
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stage.receive(bytes(body), signature)
    assert (refused.value.code(), reason_of(refused.value)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "SIGNATURE_INVALID",
    )
    assert not await stage.rows(INBOUND_MESSAGES, phone=phone)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000])
async def test_a_malformed_body_is_refused(stage: Stage, body: bytes) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stage.receive(body)
    assert reason_of(refused.value) == "BODY_MALFORMED"


async def test_the_same_webhook_again_has_no_effect(stage: Stage, merchant: Merchant) -> None:
    await stage.fault({"provider": "meta", "call": "webhook", "fault": "duplicate", "copies": 5})
    await stage.write(merchant.phone, merchant.line)
    await stage.heard(merchant.phone)
    body = envelope({"messages": [a_message(merchant.phone, "help")]})
    for _ in range(3):
        await stage.receive(body)
    await stage.until(lambda: _done(stage, merchant.phone, 2))
    assert len(await stage.rows(MESSAGES, business_id=merchant.business_id)) == 2
    assert len(stage.invoices.created) == 1


async def _done(stage: Stage, phone: str, count: int) -> bool:
    rows = await stage.rows(INBOUND_MESSAGES, phone=phone)
    return len(rows) == count and all(row["done_at"] for row in rows)


async def test_a_batch_is_read_on_every_level_and_what_does_not_fit_is_kept(stage: Stage) -> None:
    good, late = a_phone(), a_phone()
    mark = secrets.token_hex(8)
    body = envelope(
        {"contacts": [a_contact(good)], "messages": [{"odd": mark}, a_message(good), "no object"], "statuses": None},
        {"messages": [a_message(late, "broken \ud800 and \0 text", surprise={"deep": [1]})], "statuses": [{"id": 5}]},
    )
    await stage.receive(body)
    assert len(await stage.rows(INBOUND_MESSAGES, phone=good)) == 1
    [row] = await stage.rows(INBOUND_MESSAGES, phone=late)
    assert row["text"] == "broken ? and  text"
    unread = [row["raw"] for row in await stage.rows(INBOUND_UNREAD)]
    assert any(mark.encode() in raw for raw in unread)


async def test_reactions_ask_for_no_answer_and_unknown_types_get_one(stage: Stage, merchant: Merchant) -> None:
    silent = a_message(merchant.phone, type="reaction", reaction={"emoji": "👍"})
    unheard_of = a_message(merchant.phone, type="hologram")
    await stage.receive(envelope({"messages": [silent]}, {"messages": [unheard_of]}))
    await stage.until(lambda: _done(stage, merchant.phone, 2))
    [answer] = await stage.rows(MESSAGES, business_id=merchant.business_id)
    assert "I can read text" in answer["content"]["text"]


async def test_the_subscription_is_confirmed_with_our_token_only(stage: Stage) -> None:
    request = pb.VerifyWhatsAppWebhookRequest(mode="subscribe", verify_token=VERIFY_TOKEN, challenge="1158201444")
    answer = await stage.stub.VerifyWhatsAppWebhook(request, metadata=stage.as_gateway)
    assert answer.challenge == "1158201444"
    for wrong in ({"mode": "unsubscribe"}, {"verify_token": "guessed"}, {"verify_token": ""}):
        values: dict[str, Any] = {"mode": "subscribe", "verify_token": VERIFY_TOKEN} | wrong
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.stub.VerifyWhatsAppWebhook(pb.VerifyWhatsAppWebhookRequest(**values), metadata=stage.as_gateway)
        assert reason_of(refused.value) == "VERIFY_TOKEN_INVALID"


async def test_f26_one_status_whose_effect_raises_fails_neither_the_batch_nor_the_other_statuses(
    stage: Stage, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = f"wamid.{secrets.token_hex(8)}", f"wamid.{secrets.token_hex(8)}"
    moved: list[str] = []
    real = WebhookService._move  # noqa: SLF001  the effect that is made to raise

    async def move(service: WebhookService, tx: Transaction, told: StatusTold) -> None:
        if told.provider_id == broken and monkeypatch_is_on:
            raise KeyError("a bug")
        moved.append(told.provider_id)
        await real(service, tx, told)

    monkeypatch_is_on = True
    monkeypatch.setattr(WebhookService, "_move", move)
    statuses = [{"id": name, "status": "delivered", "timestamp": "1764500000"} for name in (broken, good)]
    await stage.receive(envelope({"statuses": statuses, "messages": [a_message(a_phone())]}))

    async def good_is_applied() -> bool:
        return good in moved

    await stage.until(good_is_applied)
    assert len(await stage.rows(INBOUND_STATUSES, provider_id=broken)) == 1, "stored before it is applied"
    assert broken not in moved
    monkeypatch_is_on = False

    async def broken_is_applied() -> bool:
        return broken in moved

    await stage.until(broken_is_applied)

"""F43: an unexpected error while a message is read or sent loses nothing, comes again, and holds nobody else up."""

from typing import Any
from unittest.mock import Mock

import pytest
from support.notifications.stage import Merchant, Stage, a_phone
from whatsinvoice_kit.queue.work import Claimed
from whatsinvoice_kit.queue.worker import Taken
from whatsinvoice_notifications.clients.whatsapp import WhatsAppCloud
from whatsinvoice_notifications.domain.inbound import Waiting
from whatsinvoice_notifications.models import INBOUND_MESSAGES, KIT_TABLES, MESSAGES
from whatsinvoice_notifications.repository import inbound
from whatsinvoice_notifications.service import conversation

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_f43_an_inbound_message_whose_reading_raises_is_answered_at_a_later_try(
    stage: Stage, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky, recognise = a_phone(), conversation._recognise  # noqa: SLF001  (a fault is planted in it)

    async def raises(tx: Any, waiting: Waiting, moment: Any) -> Any:
        if waiting.incoming.phone == unlucky:
            raise RuntimeError("a fault of ours")
        return await recognise(tx, waiting, moment)

    with monkeypatch.context() as broken:
        broken.setattr(conversation, "_recognise", raises)
        await stage.write(unlucky, "hello")
        await stage.write(merchant.phone, "help")
        await stage.heard(merchant.phone)

        async def tried() -> bool:
            [piece] = await stage.rows(KIT_TABLES.work, order_key=unlucky)
            return bool(piece["attempts"] >= 2)

        await stage.until(tried)
        [row] = await stage.rows(INBOUND_MESSAGES, phone=unlucky)
        assert (row["done_at"], await stage.shown(unlucky)) == (None, [])
    assert "register" in (await stage.heard(unlucky))[0]["text"]


async def test_f43_an_inbound_message_that_cannot_even_be_told_about_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of a message must not need what has failed at every try."""
    unlucky, recognise = a_phone(), conversation._recognise  # noqa: SLF001  (a fault is planted in it)

    async def raises(tx: Any, waiting: Waiting, moment: Any) -> Any:
        if waiting.incoming.phone == unlucky:
            raise RuntimeError("a fault of ours")
        return await recognise(tx, waiting, moment)

    monkeypatch.setattr(conversation, "_recognise", raises)
    await stage.write(unlucky, "hello")
    [row] = await stage.until(lambda: stage.rows(INBOUND_MESSAGES, phone=unlucky))
    claimed = Claimed(inbound.MESSAGE, row["id"], "", 30, 30, 1, row["received_at"], "", lost=False)
    service = conversation.ConversationService(stage.process.unit_of_work, Mock(), Mock(), 1.0, "", 1)
    async with stage.process.unit_of_work.begin() as tx:
        await service.queue().give_up(tx, Taken(KIT_TABLES.work, claimed), "RuntimeError")
    [row] = await stage.rows(INBOUND_MESSAGES, phone=unlucky)
    assert (row["outcome"], row["done_at"] is None) == ("gave up: RuntimeError", False)
    assert await stage.shown(unlucky) == []


async def test_f43_a_message_whose_sending_raises_is_sent_at_a_later_try(
    stage: Stage, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky, send = a_phone(), WhatsAppCloud.send

    async def raises(self: WhatsAppCloud, body: dict[str, Any]) -> str:
        if body.get("to", "").lstrip("+") == unlucky.lstrip("+"):
            raise RuntimeError("a fault of ours")
        return await send(self, body)

    with monkeypatch.context() as broken:
        broken.setattr(WhatsAppCloud, "send", raises)
        await stage.write(unlucky, "hello")
        await stage.write(merchant.phone, "help")
        await stage.heard(merchant.phone)

        async def tried() -> bool:
            rows = await stage.rows(MESSAGES, error_code="internal")
            return any(row["status"] == "queued" for row in rows)

        await stage.until(tried)
        assert await stage.shown(unlucky) == []
    assert "register" in (await stage.heard(unlucky))[0]["text"]

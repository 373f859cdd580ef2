"""A number that changed hands acts for no business for 24 hours, whoever holds it now, and says so."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from support.notifications.envelopes import a_change, a_contact, a_message, envelope
from support.notifications.stage import Merchant, Stage, a_phone
from whatsinvoice_kit.core.clock import now
from whatsinvoice_notifications.domain.people import HOLD
from whatsinvoice_notifications.models import CONTACTS, CONVERSATIONS, INBOUND_MESSAGES, MESSAGES

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def changed(stage: Stage, phone: str, to: str, kind: str = "user_changed_number") -> None:
    """Tells it, and waits until it has been taken to heart."""
    await stage.receive(envelope(a_change(phone, to, kind)))
    await stage.until(lambda: stage.rows(INBOUND_MESSAGES, phone=phone, outcome="held"))


@pytest.mark.parametrize("kind", ["user_changed_number", "user_changed_user_id"])
async def test_the_number_that_was_given_up_makes_no_invoice_and_sends_none(
    stage: Stage, merchant: Merchant, kind: str
) -> None:
    await stage.write(merchant.phone, merchant.line)
    [card] = await stage.heard(merchant.phone)
    await changed(stage, merchant.phone, a_phone(), kind)
    drafts = len(stage.invoices.by_id)
    await stage.write(merchant.phone, button_id=card["buttons"][0]["id"])
    await stage.write(merchant.phone, merchant.line)
    answers = await stage.heard(merchant.phone, 3)
    assert all("changed hands" in answer["text"] for answer in answers[1:])
    assert (len(stage.invoices.by_id), stage.invoices.issued) == (drafts, 0)


async def test_the_new_number_is_held_too_should_it_be_a_members(stage: Stage, merchant: Merchant) -> None:
    """Somebody moves her WhatsApp onto a number that was a merchant's before."""
    await changed(stage, a_phone(), merchant.phone)
    await stage.write(merchant.phone, merchant.line)
    [answer] = await stage.heard(merchant.phone)
    assert "changed hands" in answer["text"]
    assert not stage.invoices.by_id


async def test_the_person_takes_her_user_id_along_and_the_next_owner_is_held_all_the_same(
    stage: Stage, merchant: Merchant
) -> None:
    new, user_id = a_phone(), f"NG.{merchant.phone[4:]}"
    hers = {"contacts": [a_contact(merchant.phone, user_id=user_id)], "messages": [a_message(merchant.phone, "help")]}
    await stage.receive(envelope(hers))
    await stage.until(lambda: stage.rows(CONTACTS, phone=merchant.phone, user_id=user_id))
    await changed(stage, merchant.phone, new)
    moved = {"contacts": [a_contact(new, user_id=user_id)], "messages": [a_message(new, "hello")]}
    await stage.receive(envelope(moved))
    await stage.until(lambda: stage.rows(CONTACTS, phone=new, user_id=user_id))
    await stage.write(merchant.phone, merchant.line)
    assert "changed hands" in (await stage.until(lambda: stage.shown(merchant.phone)))[-1]["text"]
    assert not stage.invoices.by_id


async def test_after_a_day_she_is_acted_for_again_and_writing_meanwhile_makes_it_no_longer(
    stage: Stage, merchant: Merchant
) -> None:
    await changed(stage, merchant.phone, a_phone())
    [contact] = await stage.rows(CONTACTS, phone=merchant.phone)
    for age, count, said in ((HOLD - timedelta(minutes=1), 1, "changed hands"), (HOLD, 2, "logo design")):
        async with stage.process.unit_of_work.begin() as tx:
            row = CONVERSATIONS.c.contact_id == contact["id"]
            await tx.execute(update(CONVERSATIONS).where(row).values(updated_at=now() - age))
        await stage.write(merchant.phone, merchant.line)
        assert said in (await stage.heard(merchant.phone, count))[count - 1]["text"]
        if count == 1:
            [kept] = await stage.rows(CONVERSATIONS, contact_id=contact["id"])
            assert now() - kept["updated_at"] > HOLD - timedelta(minutes=2)


async def test_no_code_lets_the_next_owner_in_and_others_get_theirs(stage: Stage, merchant: Merchant) -> None:
    stranger = a_phone()
    await changed(stage, merchant.phone, stranger)
    for phone in (merchant.phone, stranger):
        await stage.request_code(phone)
    await stage.heard(stranger)
    got = {}
    for phone in (merchant.phone, stranger):
        [contact] = await stage.rows(CONTACTS, phone=phone)
        got[phone] = len(await stage.rows(MESSAGES, contact_id=contact["id"], purpose="one_time_code"))
    assert got == {merchant.phone: 0, stranger: 1}

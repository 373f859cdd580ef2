"""For whom the chat acts: roles hold there, and of several places the chosen one."""

import pytest
from support.notifications.stage import Merchant, Stage, a_phone
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_notifications.models import CHOSEN_PLACES, MEMBERS

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _member(stage: Stage, business_id: str, phone: str, role: int, user_id: str, name: str) -> Merchant:
    merchant = Merchant(business_id, phone)
    business = auth_pb2.Business(id=business_id, name=name, country="NG", currency_code="NGN", time_zone="Africa/Lagos")
    user = auth_pb2.User(id=user_id, phone=phone, name="Bola Ade")
    await stage.member_changed(merchant, role=role, user=user, business=business)
    await stage.until(lambda: stage.rows(MEMBERS, business_id=business_id, user_id=user_id))
    return merchant


async def test_f04_an_accountant_issues_no_invoice_by_chat(stage: Stage) -> None:
    merchant = await stage.a_merchant(role=auth_pb2.ROLE_ACCOUNTANT)
    await stage.write(merchant.phone, merchant.line)
    [got] = await stage.heard(merchant.phone)
    assert "Your role in Ada Designs is accountant" in got["text"]
    assert not stage.invoices.created
    assert not stage.invoices.issued


async def test_f04_a_member_who_became_an_accountant_cannot_send_the_card_of_before(stage: Stage) -> None:
    merchant = await stage.a_merchant(aggregate_id="mbr_demoted", role=auth_pb2.ROLE_STAFF)
    await stage.write(merchant.phone, merchant.line)
    [preview] = await stage.heard(merchant.phone)
    await stage.member_changed(merchant, aggregate_id="mbr_demoted", aggregate_version=2, role=auth_pb2.ROLE_ACCOUNTANT)
    await stage.until(lambda: stage.rows(MEMBERS, business_id=merchant.business_id, role="accountant"))
    await stage.write(merchant.phone, button_id=preview["buttons"][0]["id"])
    assert "accountant" in (await stage.heard(merchant.phone, 2))[-1]["text"]
    assert not stage.invoices.issued


async def test_f01_the_chat_acts_for_the_own_business_until_another_is_chosen(stage: Stage) -> None:
    phone, user_id, other = a_phone(), new_id("usr"), new_id("biz")
    await _member(stage, other, phone, auth_pb2.ROLE_STAFF, user_id, "Eve Traders")
    own = await _member(stage, new_id("biz"), phone, auth_pb2.ROLE_OWNER, user_id, "Bola Bakes")
    await stage.write(phone, own.line)
    [preview] = await stage.heard(phone)
    assert "From *Bola Bakes*" in preview["text"]
    assert set(stage.invoices.business_of.values()) == {own.business_id}
    await stage.choose(user_id, other)
    await stage.until(lambda: stage.rows(CHOSEN_PLACES, user_id=user_id, business_id=other))
    await stage.choose(user_id, own.business_id, version=1)  # an older choice that comes late
    await stage.write(phone, own.line)
    assert "From *Eve Traders*" in (await stage.heard(phone, 2))[-1]["text"]


async def test_f01_who_owns_none_of_several_is_asked_to_choose(stage: Stage) -> None:
    phone, user_id = a_phone(), new_id("usr")
    for name in ("Ada Designs", "Eve Traders"):
        merchant = await _member(stage, new_id("biz"), phone, auth_pb2.ROLE_STAFF, user_id, name)
    await stage.write(phone, merchant.line)
    [got] = await stage.heard(phone)
    assert "Ada Designs, Eve Traders" in got["text"]
    assert not stage.invoices.created

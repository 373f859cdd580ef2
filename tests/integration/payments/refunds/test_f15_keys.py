"""Refunds need fresh proof of a person, or an API key's own scope with its daily limit."""

import asyncio
from typing import Any

import grpc
import pytest
from support.payments.money_back import paid
from support.payments.stage import Stage
from support.services import bearer, reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.tokens import USER_AUDIENCE, USER_ISSUER, sign

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _key_token(stage: Stage, business_id: str, daily: int, scope: str = "refunds:write payments:write") -> Any:
    claims = {"biz": business_id, "scope": scope, "sid": new_id("key"), "refunds": str(daily)}
    return bearer(
        sign(
            stage.keyring.users, issuer=USER_ISSUER, audience=USER_AUDIENCE, subject=new_id("usr"), seconds=60, **claims
        )
    )


async def _outcome(stage: Stage, request: Any, metadata: Any) -> str:
    rpc = getattr(stage.stub, type(request).__name__.removesuffix("Request"))
    try:
        await rpc(request, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return reason_of(error)
    return ""


async def test_f15_a_refund_needs_fresh_proof(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    request = pb.CreateRefundRequest(payment_id=sale.payment_id, amount_minor=100)
    business_id = stage.business(sale.token)
    for scope, reason in (("payments:write refunds:write", "FRESH_PROOF_REQUIRED"), ("payments:write", "NOT_ALLOWED")):
        token = bearer(stage.keyring.user_token(business_id, scope=scope))
        assert await _outcome(stage, request, token) == reason
    assert not await sale.refunds()


async def test_f15_a_key_gives_refunds_up_to_its_day_and_no_bank_account(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    key = _key_token(stage, stage.business(sale.token), 1_000)
    request = pb.CreateRefundRequest(payment_id=sale.payment_id, amount_minor=400)
    found = await asyncio.gather(*(_outcome(stage, request, key) for _ in range(5)))
    assert sorted(found) == ["", "", *["REFUND_LIMIT_REACHED"] * 3]
    retry = pb.RetryRefundRequest(refund_id=new_id("rfd"), bank_code="058", account_number="0123456789")
    assert await _outcome(stage, retry, key) == "FRESH_PROOF_REQUIRED"
    without = _key_token(stage, stage.business(sale.token), 0)
    assert await _outcome(stage, request, without) == "REFUND_LIMIT_REACHED"

"""The first payout account waits too once the provider has taken money."""

import grpc
import pytest
from support.payments.money_back import paid
from support.payments.stage import Stage
from support.services import bearer, reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_f15_the_first_account_waits_a_day_once_money_has_come(stage: Stage) -> None:
    sale = await (await paid(stage)).settled()
    await stage.known(sale.token)
    request = pb.SetPayoutAccountRequest(bank_code="058", account_number="0123456789")
    found = await stage.stub.SetPayoutAccount(request, metadata=sale.me)
    assert not found.HasField("active")
    assert found.pending.account_number == "6789"


async def test_f15_a_bearer_token_without_fresh_proof_and_a_key_name_no_account(stage: Stage) -> None:
    token = stage.invoices.bill()
    await stage.known(token)
    request = pb.SetPayoutAccountRequest(bank_code="058", account_number="0123456789")
    business_id = stage.business(token)
    for scope, reason in (
        ("business:write payout:write", "FRESH_PROOF_REQUIRED"),
        ("business:write proof:fresh", "NOT_ALLOWED"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stage.stub.SetPayoutAccount(
                request, metadata=bearer(stage.keyring.user_token(business_id, scope=scope))
            )
        assert reason_of(refused.value) == reason

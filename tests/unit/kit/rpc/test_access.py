"""F34: a caller whose scopes do not suffice reads which scope is missing."""

import pytest
from whatsinvoice_auth.servicer import ACCESS as AUTH
from whatsinvoice_invoices.servicer import ACCESS as INVOICES
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.rpc.call import Identity
from whatsinvoice_kit.rpc.identity import authorize
from whatsinvoice_notifications.servicer import ACCESS as NOTIFICATIONS
from whatsinvoice_payments.servicer import ACCESS as PAYMENTS

TABLE = {**AUTH, **INVOICES, **PAYMENTS, **NOTIFICATIONS}
SCOPED = sorted(rpc for rpc, access in TABLE.items() if access.scope)


@pytest.mark.parametrize("rpc", SCOPED)
def test_f34_a_missing_scope_is_named(rpc: str) -> None:
    key = Identity("user", "usr_1", "biz_1", "key_1", frozenset({"unrelated:read"}))
    with pytest.raises(ServiceError) as refused:
        authorize(TABLE, rpc, key)
    assert refused.value.reason == "NOT_ALLOWED"
    assert refused.value.message == f"this needs the scope {TABLE[rpc].scope}"


def test_f34_a_caller_of_an_internal_rpc_reads_no_scope() -> None:
    with pytest.raises(ServiceError) as refused:
        authorize(TABLE, "GetPayable", Identity("user", "usr_1", "biz_1", "ses_1", frozenset({"invoices:read"})))
    assert refused.value.message == "the caller may not call GetPayable"

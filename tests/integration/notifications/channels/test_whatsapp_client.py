"""The client of WhatsApp by itself: what its calls count."""

from typing import get_args

import httpx
import pytest
from prometheus_client import REGISTRY
from whatsinvoice_notifications.clients import Refused
from whatsinvoice_notifications.clients.whatsapp import Call, accepted


@pytest.mark.parametrize("call", get_args(Call))
def test_a_dead_token_is_counted_from_zero(call: Call) -> None:
    """Or the first refusal is no increase, and the alert waits for the second."""

    def counted() -> float:
        count = REGISTRY.get_sample_value("whatsapp_calls_total", {"call": call, "outcome": "190"})
        assert count is not None
        return count

    before = counted()
    ended = {"error": {"code": 190, "message": "Error validating access token: Session has expired"}}
    with pytest.raises(Refused):
        accepted(call, httpx.Response(401, json=ended))
    assert counted() == before + 1

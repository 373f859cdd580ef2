"""Guesses at passwords and codes: counted on the phone and on the place that they come from."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from support.services import reason_of
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice.auth.v1.events_pb2 import GuessingDetected
from whatsinvoice_auth.domain.guesses import PHONE, Allowance
from whatsinvoice_kit.core.ids import new_id


async def _outcome(auth: AuthServiceStub, gateway: Any, phone: str, password: str, **origin: str) -> str:
    """Log in; return the reason of the refusal, or nothing."""
    request = pb.LoginRequest(phone=phone, password=password, origin=pb.Origin(**origin))
    try:
        await auth.Login(request, metadata=gateway)
    except grpc.aio.AioRpcError as error:
        return reason_of(error)
    return ""


@pytest.fixture(autouse=True)
async def nothing_counted(process: Any) -> None:
    """Addresses are shared by the tests."""
    async with process.unit_of_work.begin() as tx:
        await tx.execute(text("DELETE FROM auth.guesses"))


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the totals of a day alone stop a guess."""
    monkeypatch.setattr("whatsinvoice_auth.domain.guesses.LONGEST_PAUSE", timedelta(0))


@pytest.mark.usefixtures("no_pauses")
async def test_f06_guesses_of_many_addresses_at_one_phone_end_with_the_day_s_total(
    auth: AuthServiceStub, gateway: Any, verified: str, process: Any
) -> None:
    places = [f"203.0.113.{number % 10}" for number in range(90)]
    wrong = [await _outcome(auth, gateway, verified, "Wr0ngPassword", address=place) for place in places[:30]]
    assert wrong == ["CREDENTIALS_INVALID"] * PHONE.a_day + ["GUESSES_TOO_MANY"] * (30 - PHONE.a_day)
    assert await _outcome(auth, gateway, verified, "Passw0rdly", address=places[-1]) == "GUESSES_TOO_MANY"
    async with process.unit_of_work.read() as tx:
        rows = await tx.execute(text("SELECT payload FROM auth.outbox WHERE event_type = 'GuessingDetected'"))
        told = [event for event in map(GuessingDetected.FromString, rows.scalars()) if event.phone == verified]
    assert [event.failures for event in told] == [10]


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("known", [{"device_id": "a-phone-that-logged-in-before"}, {"address": "198.51.100.7"}])
async def test_f06_strangers_cannot_lock_a_known_device_out(
    auth: AuthServiceStub, gateway: Any, verified: str, known: dict[str, str]
) -> None:
    assert await _outcome(auth, gateway, verified, "Passw0rdly", **known) == ""
    for number in range(PHONE.a_day + 1):
        await _outcome(auth, gateway, verified, "Wr0ngPassword", address=f"203.0.113.{number}")
    assert await _outcome(auth, gateway, verified, "Passw0rdly", address="203.0.113.99") == "GUESSES_TOO_MANY"
    assert await _outcome(auth, gateway, verified, "Passw0rdly", **known) == ""
    failures = [await _outcome(auth, gateway, verified, "Wr0ngPassword", **known) for _ in range(31)]
    assert failures[-1] == "GUESSES_TOO_MANY", "the device has an allowance, not a licence"


async def test_f06_pauses_grow_and_are_the_same_for_a_phone_that_nobody_has(
    auth: AuthServiceStub, gateway: Any, verified: str, phone: str
) -> None:
    for at in (verified, "+2347010000077"):
        found = [await _outcome(auth, gateway, at, "Wr0ngPassword", address="203.0.113.1") for _ in range(7)]
        assert found == ["CREDENTIALS_INVALID"] * 5 + ["GUESSES_TOO_MANY"] * 2


async def test_f06_guesses_made_side_by_side_are_counted_one_by_one(
    auth: AuthServiceStub, gateway: Any, verified: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_auth.service.guessing.PHONE", Allowance(5, 5))
    tries = [_outcome(auth, gateway, verified, "Wr0ngPassword", address="203.0.113.1") for _ in range(20)]
    found = await asyncio.gather(*tries)
    assert found.count("CREDENTIALS_INVALID") == 5


async def test_f06_codes_of_unknown_requests_count_on_the_address(
    auth: AuthServiceStub, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr("whatsinvoice_auth.domain.guesses.ADDRESS", Allowance(3, 3))
    origin = pb.Origin(address="203.0.113.77")
    found = []
    for _ in range(4):
        request = pb.VerifyPhoneRequest(verification_id=new_id("ver"), code="123456", origin=origin)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await auth.VerifyPhone(request, metadata=gateway)
        found.append(reason_of(refused.value))
    assert found == ["CODE_INVALID"] * 3 + ["GUESSES_TOO_MANY"]

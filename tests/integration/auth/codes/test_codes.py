"""One-time codes after registration: resending, forgotten passwords, limits, and what answers must not tell."""

import secrets
import statistics
import time
from typing import Any

import pytest
from support.builders import a_registration
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice_kit.core.errors import Kind

STRANGER = "+2347010000001"


async def test_a_resent_code_replaces_the_first(
    auth: AuthServiceStub, gateway: Any, codes: Any, phone: str, expect: Any
) -> None:
    await auth.Register(a_registration(phone), metadata=gateway)
    first = codes.by_phone.pop(phone)
    await auth.ResendCode(pb.ResendCodeRequest(phone=phone), metadata=gateway)
    second = await codes.next(phone)
    await expect(pb.VerifyPhoneRequest(phone=phone, code=first), gateway, "CODE_INVALID")
    await auth.VerifyPhone(pb.VerifyPhoneRequest(phone=phone, code=second), metadata=gateway)


async def test_a_forgotten_password_is_set_by_a_code_and_every_session_ends(
    auth: AuthServiceStub, gateway: Any, codes: Any, verified: str, log_in: Any, expect: Any
) -> None:
    tokens = await log_in(verified)
    await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=verified), metadata=gateway)
    reset = {"phone": verified, "new_password": "Tall3rThanTrees"}
    code = await codes.next(verified)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    await expect(pb.ResetPasswordRequest(**reset, code=wrong), gateway, "CODE_INVALID")
    await auth.ResetPassword(pb.ResetPasswordRequest(**reset, code=code), metadata=gateway)
    await expect(pb.RefreshRequest(refresh_token=tokens.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    await expect(pb.LoginRequest(phone=verified, password="Passw0rdly"), gateway, "CREDENTIALS_INVALID")
    await log_in(verified, "Tall3rThanTrees")
    await expect(pb.ResetPasswordRequest(**reset, code=code), gateway, "CODE_INVALID")


async def test_a_reset_code_dies_after_five_wrong_tries(
    auth: AuthServiceStub, gateway: Any, codes: Any, verified: str, expect: Any
) -> None:
    await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=verified), metadata=gateway)
    right = await codes.next(verified)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for code in (*[wrong] * 5, right):
        request = pb.ResetPasswordRequest(phone=verified, code=code, new_password="Tall3rThanTrees")
        await expect(request, gateway, "CODE_INVALID")


async def test_no_code_goes_to_strangers_nor_to_proven_phones_that_ask_to_prove(
    auth: AuthServiceStub, gateway: Any, codes: Any, verified: str
) -> None:
    stranger = f"+23470{secrets.randbelow(90_000_000) + 10_000_000}"
    await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=stranger), metadata=gateway)
    await auth.ResendCode(pb.ResendCodeRequest(phone=stranger), metadata=gateway)
    await auth.ResendCode(pb.ResendCodeRequest(phone=verified), metadata=gateway)
    await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=verified), metadata=gateway)
    await codes.next(verified)  # requests are served in order, so the others were looked at before
    assert stranger not in codes.by_phone
    assert verified not in codes.by_phone


@pytest.mark.parametrize("known", [True, False])
async def test_a_phone_gets_six_codes_a_minute_known_or_not(
    auth: AuthServiceStub, gateway: Any, phone: str, expect: Any, known: bool
) -> None:
    if known:
        await auth.Register(a_registration(phone), metadata=gateway)
    for _ in range(5 if known else 6):
        await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=phone), metadata=gateway)
    for request in (pb.ForgotPasswordRequest(phone=phone), pb.ResendCodeRequest(phone=phone)):
        error = await expect(request, gateway, "CODES_TOO_MANY")
        assert error.kind is Kind.RESOURCE_EXHAUSTED
        assert 1 <= error.retry_after <= 60


async def _medians_ms(call: Any, *phones: str, tries: int = 30) -> list[float]:
    """Of each phone; in turn, so that what else the machine does falls on all of them."""
    seconds: dict[str, list[float]] = {phone: [] for phone in phones}
    for _ in range(tries):
        for phone in phones:
            started = time.monotonic()
            await call(phone)
            seconds[phone].append(time.monotonic() - started)
    return [statistics.median(taken) * 1000 for taken in seconds.values()]


async def test_time_does_not_tell_whether_a_phone_exists(
    auth: AuthServiceStub, process: Any, gateway: Any, verified: str, expect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_auth.domain.CODES_A_MINUTE", 1000)
    monkeypatch.setattr("whatsinvoice_auth.domain.CODES_AN_HOUR", 1000)

    async def login(phone: str) -> None:
        await expect(pb.LoginRequest(phone=phone, password="Wrong1234"), gateway, "CREDENTIALS_INVALID")

    async def forgot(phone: str) -> None:
        await auth.ForgotPassword(pb.ForgotPasswordRequest(phone=phone), metadata=gateway)

    for name, call in (("login", login), ("forgot", forgot)):
        known, unknown = await _medians_ms(call, verified, STRANGER)
        print(f"{name}: known phone {known:.1f} ms, unknown phone {unknown:.1f} ms (medians of 30)")  # noqa: T201  (a figure to be read)
        assert max(known, unknown) < 1.5 * min(known, unknown) + 1

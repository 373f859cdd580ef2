"""Registering, one-time codes and passwords."""

from typing import Any

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_auth import domain
from whatsinvoice_auth.domain.verifications import Purpose, Verification
from whatsinvoice_auth.events import business_message, stamp, user_message
from whatsinvoice_auth.service.confirmation import Caller, Proof
from whatsinvoice_auth.service.guessing import note_right, note_wrong
from whatsinvoice_auth.service.registration import Registration
from whatsinvoice_auth.service.sessions import places_of
from whatsinvoice_auth.service.verifications import wrong_code
from whatsinvoice_auth.servicer.part import Part, session_id, user_id

PURPOSES = {
    Purpose.REGISTER: pb.PURPOSE_REGISTER,
    Purpose.RESET_PASSWORD: pb.PURPOSE_RESET_PASSWORD,
    Purpose.CONFIRM: pb.PURPOSE_CONFIRM,
}


class RegistrationRpcs(Part):
    """RPCs without a session, and those of the password."""

    async def Register(self, request: pb.RegisterRequest, context: Any) -> pb.RegisterResponse:
        registrations = self._use.registrations
        phone, given = await registrations.prepare(
            Registration(
                request.phone, request.name, request.password, request.business_name, request.country, request.email
            )
        )
        async with self._unit_of_work.begin() as tx:
            made = await registrations.register(tx, phone, given)
        return pb.RegisterResponse(verification=_verification(made))

    async def VerifyPhone(self, request: pb.VerifyPhoneRequest, context: Any) -> pb.VerifyPhoneResponse:
        counted = await self._counted_guess(request.verification_id, request.origin)
        async with self._unit_of_work.begin() as tx:
            member = await self._use.registrations.verify_phone(tx, request.verification_id, request.code)
            if member is None:
                note_wrong(counted)
            else:
                await note_right(tx, counted, member.user.id)
        if member is None:
            raise wrong_code()
        return pb.VerifyPhoneResponse(user=user_message(member.user), business=business_message(member.business))

    async def ResendCode(self, request: pb.ResendCodeRequest, context: Any) -> pb.ResendCodeResponse:
        async with self._unit_of_work.begin() as tx:
            made = await self._use.verifications.resend(tx, request.verification_id)
        return pb.ResendCodeResponse(verification=_verification(made))

    async def ForgotPassword(self, request: pb.ForgotPasswordRequest, context: Any) -> pb.ForgotPasswordResponse:
        phone = to_e164(request.phone, "NG")
        async with self._unit_of_work.begin() as tx:
            made = await self._use.verifications.ask(tx, phone, Purpose.RESET_PASSWORD)
        return pb.ForgotPasswordResponse(verification=_verification(made))

    async def ResetPassword(self, request: pb.ResetPasswordRequest, context: Any) -> pb.ResetPasswordResponse:
        changes = self._use.password_changes
        counted = await self._counted_guess(request.verification_id, request.origin)
        new_hash = await changes.prepare_reset(self._unit_of_work, request.verification_id, request.password)
        async with self._unit_of_work.begin() as tx:
            user = await changes.reset(tx, request.verification_id, request.code, new_hash, counted)
            places = await places_of(tx, user.id) if user else []
        if user is None:
            raise wrong_code()
        acting = domain.acting_place(places, user.chosen_business_id)
        business = business_message(acting.business) if acting else None
        return pb.ResetPasswordResponse(user=user_message(user), business=business)

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Any) -> pb.ChangePasswordResponse:
        changes = self._use.password_changes
        change = await changes.prepare_change(
            self._unit_of_work, user_id(), session_id(), request.old_password, request.new_password
        )

        async def work(tx: Transaction) -> pb.ChangePasswordResponse:
            await changes.change(tx, change, session_id())
            return pb.ChangePasswordResponse()

        sealed = self._sealed(request, "old_password", "new_password")
        return await self._across_idempotency.once(sealed, pb.ChangePasswordResponse, work)

    async def RequestConfirmation(
        self, request: pb.RequestConfirmationRequest, context: Any
    ) -> pb.RequestConfirmationResponse:
        async def work(tx: Transaction) -> pb.RequestConfirmationResponse:
            made = await self._use.confirmations.ask(tx, user_id())
            return pb.RequestConfirmationResponse(verification=_verification(made))

        return await self._across_idempotency.once(request, pb.RequestConfirmationResponse, work)

    async def Confirm(self, request: pb.ConfirmRequest, context: Any) -> pb.ConfirmResponse:
        caller = Caller(user_id(), session_id(), current_call().business_id)
        proof = Proof(request.password, request.verification_id, request.code)
        token = await self._use.confirmations.confirm(self._across, caller, proof)
        return pb.ConfirmResponse(access_token=token, expires_in=domain.FRESH_SECONDS)

    async def GetCode(self, request: pb.GetCodeRequest, context: Any) -> pb.GetCodeResponse:
        async with self._unit_of_work.read() as tx:
            found = await self._use.verifications.code_of(tx, request.verification_id)
        about = found.verification
        return pb.GetCodeResponse(phone=about.phone, tag=about.tag, purpose=PURPOSES[about.purpose], code=found.digits)

    async def ClaimVerification(
        self, request: pb.ClaimVerificationRequest, context: Any
    ) -> pb.ClaimVerificationResponse:
        async with self._unit_of_work.begin() as tx:
            found = await self._use.verifications.claim(tx, request.phone, request.tag)
        return pb.ClaimVerificationResponse(verification_id=found.id, expire_time=stamp(found.expires_at))


def _verification(made: Verification) -> pb.Verification:
    return pb.Verification(id=made.id, tag=made.tag, expire_time=stamp(made.expires_at))

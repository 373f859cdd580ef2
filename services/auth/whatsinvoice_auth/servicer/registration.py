"""Registering, one-time codes and passwords."""

from typing import Any

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth.events import business_message, user_message
from whatsinvoice_auth.service.codes import RESET, VERIFY
from whatsinvoice_auth.service.registration import Registration
from whatsinvoice_auth.servicer.part import Part, session_id, stamp, user_id


class RegistrationRpcs(Part):
    """What a person does before she has a session, and with her password later."""

    async def Register(self, request: pb.RegisterRequest, context: Any) -> pb.RegisterResponse:
        registrations = self._use.registrations
        member = await registrations.prepare(
            Registration(
                request.phone, request.name, request.password, request.business_name, request.country, request.email
            )
        )

        async def work(tx: Transaction) -> pb.RegisterResponse:
            code = await registrations.register(tx, member)
            return pb.RegisterResponse(
                user=user_message(member.user),
                business=business_message(member.business),
                verification_expire_time=stamp(code.expires_at),
            )

        response = await self._idempotency.once(self._sealed(request, "password"), pb.RegisterResponse, work)
        async with self._unit_of_work.begin() as tx:
            pending = await registrations.pending_code(tx, request.phone, request.country)
        if pending is not None:
            code, phone, digits = pending
            await self._use.code_sender.send(code.id, phone, digits, code.expires_at)
        return response

    async def VerifyPhone(self, request: pb.VerifyPhoneRequest, context: Any) -> pb.VerifyPhoneResponse:
        async with self._unit_of_work.begin() as tx:
            verified = await self._use.registrations.verify_phone(tx, request.phone, request.code)
        if not verified:
            raise invalid("code", "CODE_INVALID", "the code is wrong, spent or expired")
        return pb.VerifyPhoneResponse()

    async def ResendCode(self, request: pb.ResendCodeRequest, context: Any) -> pb.ResendCodeResponse:
        phone = to_e164(request.phone, "NG")

        async def work(tx: Transaction) -> pb.ResendCodeResponse:
            await self._use.codes.ask(tx, phone, VERIFY)
            return pb.ResendCodeResponse()

        return await self._idempotency.once(request, pb.ResendCodeResponse, work)

    async def ForgotPassword(self, request: pb.ForgotPasswordRequest, context: Any) -> pb.ForgotPasswordResponse:
        phone = to_e164(request.phone, "NG")

        async def work(tx: Transaction) -> pb.ForgotPasswordResponse:
            await self._use.codes.ask(tx, phone, RESET)
            return pb.ForgotPasswordResponse()

        return await self._idempotency.once(request, pb.ForgotPasswordResponse, work)

    async def ResetPassword(self, request: pb.ResetPasswordRequest, context: Any) -> pb.ResetPasswordResponse:
        changes = self._use.password_changes
        new_hash = await changes.prepare_reset(self._unit_of_work, request.phone, request.new_password)
        async with self._unit_of_work.begin() as tx:
            right = await changes.reset(tx, request.phone, request.code, new_hash)
        if not right:
            raise invalid("code", "CODE_INVALID", "the code is wrong, spent or expired")
        return pb.ResetPasswordResponse()

    async def ChangePassword(self, request: pb.ChangePasswordRequest, context: Any) -> pb.ChangePasswordResponse:
        changes = self._use.password_changes
        change = await changes.prepare_change(self._unit_of_work, user_id(), request.old_password, request.new_password)

        async def work(tx: Transaction) -> pb.ChangePasswordResponse:
            await changes.change(tx, change, session_id())
            return pb.ChangePasswordResponse()

        sealed = self._sealed(request, "old_password", "new_password")
        return await self._across_idempotency.once(sealed, pb.ChangePasswordResponse, work)

"""One's own account: codes and passwords before a session, sessions and password within one.

All are limited per address: slowapi finds the request among their arguments.
"""

from fastapi import APIRouter, Request
from slowapi import Limiter
from starlette.responses import Response
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice_kit.core.errors import Kind, ServiceError

from whatsinvoice_gateway.clients import Services
from whatsinvoice_gateway.edge import cookies
from whatsinvoice_gateway.edge.idempotency import idempotent
from whatsinvoice_gateway.edge.limits import DeviceId, origin_of
from whatsinvoice_gateway.edge.tokens import Bearer, check, signed_in
from whatsinvoice_gateway.routes.access import PageDep, ServicesDep
from whatsinvoice_gateway.schemas.account import (
    AccessTokenOut,
    ChangePasswordIn,
    ConfirmIn,
    PhoneIn,
    ResendCodeIn,
    ResetPasswordIn,
    SessionOut,
    SwitchIn,
)
from whatsinvoice_gateway.schemas.auth import VerificationMadeOut, VerifiedOut
from whatsinvoice_gateway.schemas.base import Page, answer, problems
from whatsinvoice_gateway.settings import Settings

OPEN = problems(400, 422, 429, 503)
SIGNED_IN = problems(400, 401, 403, 409, 422, 429, 503)
SWITCH = problems(400, 401, 403, 404, 409, 422, 429, 503)


def router(settings: Settings, limiter: Limiter) -> APIRouter:
    """The limits are settings, so the routes are made for them."""
    routes = APIRouter(prefix="/v1/auth", tags=["auth"])
    _add_codes(routes, settings, limiter)
    _add_sessions(routes, settings, limiter)
    return routes


def _add_codes(routes: APIRouter, settings: Settings, limiter: Limiter) -> None:
    waiting = {"status_code": 202, "response_model": VerificationMadeOut}

    @routes.post("/resend-code", responses=problems(400, 404, 422, 429, 503), **waiting)  # type: ignore[arg-type]  # a dict of many types
    @limiter.limit(settings.code_limit)
    async def resend_code(request: Request, body: ResendCodeIn, services: ServicesDep) -> Response:
        message = pb.ResendCodeRequest(verification_id=body.verification_id)
        found = await services.as_gateway("auth", services.auth.ResendCode, message)
        return answer(VerificationMadeOut.of(found.verification), 202)

    @routes.post("/password/forgot", responses=OPEN, **waiting)  # type: ignore[arg-type]  # as above
    @limiter.limit(settings.code_limit)
    async def forgot_password(request: Request, body: PhoneIn, services: ServicesDep) -> Response:
        message = pb.ForgotPasswordRequest(phone=body.phone)
        found = await services.as_gateway("auth", services.auth.ForgotPassword, message)
        return answer(VerificationMadeOut.of(found.verification), 202)

    @routes.post("/password/reset", response_model=VerifiedOut, responses=OPEN)
    @limiter.limit(settings.verify_limit)
    async def reset_password(
        request: Request, body: ResetPasswordIn, services: ServicesDep, device: DeviceId = ""
    ) -> Response:
        message = pb.ResetPasswordRequest(
            verification_id=body.verification_id,
            code=body.code,
            password=body.password,
            origin=origin_of(request, device),
        )
        return answer(VerifiedOut.of(await services.as_gateway("auth", services.auth.ResetPassword, message)))


def _add_sessions(routes: APIRouter, settings: Settings, limiter: Limiter) -> None:
    write = [signed_in, idempotent]

    @routes.post("/password/change", status_code=204, responses=SIGNED_IN, dependencies=write)
    @limiter.limit(settings.login_limit)
    async def change_password(request: Request, body: ChangePasswordIn, services: ServicesDep) -> Response:
        message = pb.ChangePasswordRequest(old_password=body.old_password, new_password=body.new_password)
        await services.as_user("auth", services.auth.ChangePassword, message)
        return Response(status_code=204)

    @routes.post(
        "/logout",
        status_code=204,
        responses=problems(400, 401, 403, 404, 409, 422, 429, 503),
        dependencies=[cookies.enough_alone, idempotent],
    )
    @limiter.limit(settings.account_limit)
    async def logout(
        request: Request, services: ServicesDep, bearer: Bearer, kept: cookies.RefreshCookie = ""
    ) -> Response:
        """With an access token, or else with the cookie alone, whose session has often outlived its access token."""
        if bearer is None and kept:
            await _end_session_of(kept, services)
        else:
            await check(request)
            await services.as_user("auth", services.auth.Logout, pb.LogoutRequest())
        return cookies.forget(Response(status_code=204))

    @routes.post("/confirm", response_model=AccessTokenOut, responses=SIGNED_IN, dependencies=[signed_in])
    @limiter.limit(settings.login_limit)
    async def confirm(request: Request, body: ConfirmIn, services: ServicesDep) -> Response:
        """Five minutes of rights over payout account, keys, members and refunds."""
        message = pb.ConfirmRequest(
            password=body.password or "", verification_id=body.verification_id or "", code=body.code or ""
        )
        return answer(AccessTokenOut.of(await services.as_user("auth", services.auth.Confirm, message)))

    @routes.post(
        "/confirm/code",
        status_code=202,
        response_model=VerificationMadeOut,
        responses=SIGNED_IN,
        dependencies=write,
    )
    @limiter.limit(settings.code_limit)
    async def request_confirmation(request: Request, services: ServicesDep) -> Response:
        """A code to confirm with, to one's own phone."""
        message = pb.RequestConfirmationRequest()
        found = await services.as_user("auth", services.auth.RequestConfirmation, message)
        return answer(VerificationMadeOut.of(found.verification), 202)

    @routes.post("/switch", response_model=AccessTokenOut, responses=SWITCH, dependencies=[signed_in])
    @limiter.limit(settings.account_limit)
    async def switch_business(request: Request, body: SwitchIn, services: ServicesDep) -> Response:
        """Choose the business that this session, later logins and the chat act for; earlier access tokens end."""
        message = pb.SwitchBusinessRequest(business_id=body.business_id)
        return answer(AccessTokenOut.of(await services.as_user("auth", services.auth.SwitchBusiness, message)))

    @routes.post("/logout-all", status_code=204, responses=SIGNED_IN, dependencies=write)
    @limiter.limit(settings.account_limit)
    async def logout_all(request: Request, services: ServicesDep) -> Response:
        await services.as_user("auth", services.auth.LogoutAll, pb.LogoutAllRequest())
        return cookies.forget(Response(status_code=204))

    @routes.get(
        "/sessions",
        response_model=Page[SessionOut],
        responses=problems(401, 403, 422, 429, 503),
        dependencies=[signed_in],
    )
    @limiter.limit(settings.account_limit)
    async def list_sessions(request: Request, page: PageDep, services: ServicesDep) -> Response:
        found = await services.as_user("auth", services.auth.ListSessions, pb.ListSessionsRequest(page=page))
        data = [SessionOut.of(session) for session in found.sessions]
        return answer(Page[SessionOut](data=data, next_cursor=found.page.next_cursor or None))

    @routes.delete(
        "/sessions/{session_id}",
        status_code=204,
        responses=problems(401, 403, 404, 429, 503),
        dependencies=[signed_in],
    )
    @limiter.limit(settings.account_limit)
    async def end_session(request: Request, session_id: str, services: ServicesDep) -> Response:
        await services.as_user("auth", services.auth.EndSession, pb.EndSessionRequest(session_id=session_id))
        return Response(status_code=204)


async def _end_session_of(refresh_token: str, services: Services) -> None:
    """The token is spent for an access token, which may end the session. One that is refused has no session left."""
    request = pb.RefreshRequest(refresh_token=refresh_token)
    try:
        found = await services.as_gateway("auth", services.auth.Refresh, request)
    except ServiceError as error:
        if error.kind is not Kind.UNAUTHENTICATED:
            raise
        return
    await services.as_user("auth", services.auth.Logout, pb.LogoutRequest(), found.tokens.access_token)

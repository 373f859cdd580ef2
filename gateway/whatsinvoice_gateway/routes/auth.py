"""Register, prove the phone, log in, refresh; the key set; who am I.

The first four are limited per address: slowapi finds the request among their arguments.
"""

from fastapi import APIRouter, Request
from slowapi import Limiter
from starlette.responses import Response
from whatsinvoice.auth.v1 import auth_pb2 as pb

from whatsinvoice_gateway.edge import cookies
from whatsinvoice_gateway.edge.limits import DeviceId, origin_of
from whatsinvoice_gateway.edge.tokens import as_jwks, signed_in
from whatsinvoice_gateway.routes.access import ServicesDep
from whatsinvoice_gateway.schemas.auth import (
    JwkOut,
    JwkSetOut,
    LoginIn,
    MeOut,
    RefreshIn,
    RegisterIn,
    TokensOut,
    VerificationMadeOut,
    VerifiedOut,
    VerifyPhoneIn,
)
from whatsinvoice_gateway.schemas.base import answer, problems
from whatsinvoice_gateway.settings import Settings


def _tokens(tokens: pb.TokenPair, *, cookie: bool) -> Response:
    response = answer(TokensOut.of(tokens, cookie=cookie))
    return cookies.keep(response, tokens.refresh_token) if cookie else response


def router(settings: Settings, limiter: Limiter) -> APIRouter:
    """The limits are settings, so the routes are made for them."""
    routes = APIRouter(tags=["auth"])

    @routes.post(
        "/v1/auth/register",
        status_code=202,
        response_model=VerificationMadeOut,
        responses=problems(400, 422, 429, 503),
    )
    @limiter.limit(settings.register_limit)
    async def register(request: Request, body: RegisterIn, services: ServicesDep) -> Response:
        message = pb.RegisterRequest(
            phone=body.phone,
            name=body.name,
            password=body.password,
            business_name=body.business_name or "",
            country=body.country,
            email=body.email or "",
        )
        found = await services.as_gateway("auth", services.auth.Register, message)
        return answer(VerificationMadeOut.of(found.verification), 202)

    @routes.post(
        "/v1/auth/verify-phone",
        response_model=VerifiedOut,
        responses=problems(400, 409, 422, 429, 503),
    )
    @limiter.limit(settings.verify_limit)
    async def verify_phone(
        request: Request, body: VerifyPhoneIn, services: ServicesDep, device: DeviceId = ""
    ) -> Response:
        message = pb.VerifyPhoneRequest(
            verification_id=body.verification_id, code=body.code, origin=origin_of(request, device)
        )
        return answer(VerifiedOut.of(await services.as_gateway("auth", services.auth.VerifyPhone, message)))

    @routes.post(
        "/v1/auth/login",
        response_model=TokensOut,
        responses=problems(400, 401, 404, 409, 422, 429, 503),
    )
    @limiter.limit(settings.login_limit)
    async def login(request: Request, body: LoginIn, services: ServicesDep, device: DeviceId = "") -> Response:
        message = pb.LoginRequest(
            phone=body.phone,
            password=body.password,
            business_id=body.business_id or "",
            user_agent=request.headers.get("user-agent", ""),
            origin=origin_of(request, device),
        )
        found = await services.as_gateway("auth", services.auth.Login, message)
        return _tokens(found.tokens, cookie=body.cookie)

    @routes.post(
        "/v1/auth/refresh",
        response_model=TokensOut,
        responses=problems(400, 401, 422, 429, 503),
    )
    @limiter.limit(settings.refresh_limit)
    async def refresh(
        request: Request,
        services: ServicesDep,
        body: RefreshIn | None = None,
        kept: cookies.RefreshCookie = "",
        device: DeviceId = "",
    ) -> Response:
        given, cookie = (body.refresh_token, body.cookie) if body else (None, False)
        message = pb.RefreshRequest(refresh_token=given or kept, device_id=device)
        found = await services.as_gateway("auth", services.auth.Refresh, message)
        return _tokens(found.tokens, cookie=cookie or not given)

    @routes.get("/.well-known/jwks.json", response_model=JwkSetOut, responses=problems(503))
    async def jwks(services: ServicesDep) -> Response:
        keys = [JwkOut(**key) for key in as_jwks(await services.get_key_set())]
        return answer(JwkSetOut(keys=keys), cache_control="public, max-age=60")

    @routes.get("/v1/me", response_model=MeOut, responses=problems(401, 403, 503), dependencies=[signed_in])
    async def me(services: ServicesDep) -> Response:
        return answer(MeOut.of(await services.as_user("auth", services.auth.GetMe, pb.GetMeRequest())))

    return routes

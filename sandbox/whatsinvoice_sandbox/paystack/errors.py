"""Paystack's error bodies: `{status: false, message, type, code, meta{nextStep}}`, 401 and 404 in their short form."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from whatsinvoice_sandbox.faults import InjectedOutage, InjectedThrottle


class PaystackError(Exception):
    def __init__(self, status: int, message: str, code: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.next_step = next_step


def install(app: FastAPI) -> None:
    """Makes every failure of this application speak Paystack."""

    @app.exception_handler(PaystackError)
    async def refused(_: Request, error: PaystackError) -> JSONResponse:
        body: dict[str, object] = {"status": False, "message": error.message}
        if error.code:
            body |= {"meta": {"nextStep": error.next_step}, "type": "validation_error", "code": error.code}
        return JSONResponse(body, error.status)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        message = f"{first['loc'][-1]}: {first['msg']}"
        return await refused(request, PaystackError(400, message, "invalid_params", "Correct the parameter"))

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> JSONResponse:
        message = "Entity not found" if error.status_code == 404 else str(error.detail)  # noqa: PLR2004  HTTP's own number
        return JSONResponse({"status": False, "message": message}, error.status_code)

    @app.exception_handler(InjectedOutage)
    async def down(_: Request, __: InjectedOutage) -> JSONResponse:
        body = {"status": False, "message": "An error occurred", "type": "api_error", "code": "unknown"}
        return JSONResponse(body, 500)

    @app.exception_handler(InjectedThrottle)
    async def throttled(_: Request, __: InjectedThrottle) -> JSONResponse:
        return JSONResponse({"status": False, "message": "Too many requests"}, 429, {"Retry-After": "1"})

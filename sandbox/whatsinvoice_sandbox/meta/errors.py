"""Meta's error body and codes. Clients branch on `code`: apart from 401 and 500 the HTTP status is always 400."""

import secrets
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from whatsinvoice_sandbox.faults import InjectedOutage, InjectedThrottle

UNKNOWN_OBJECT, BAD_REQUEST, BAD_TOKEN = 100, 100, 190
NUMBER_RATE, SOMETHING_WRONG = 130429, 131000
MISSING, INVALID, SELF_SEND, WINDOW_CLOSED = 131008, 131009, 131021, 131047
UNSUPPORTED_TYPE, MEDIA_UPLOAD, PAIR_RATE = 131051, 131053, 131056
TEMPLATE_COUNT, TEMPLATE_UNKNOWN, TEMPLATE_TOO_LONG = 132000, 132001, 132005

_TITLES = {
    BAD_REQUEST: "Invalid parameter",
    BAD_TOKEN: "Invalid OAuth access token",
    NUMBER_RATE: "Rate limit hit",
    SOMETHING_WRONG: "Something went wrong",
    MISSING: "Required parameter is missing",
    INVALID: "Parameter value is not valid",
    SELF_SEND: "Recipient cannot be sender",
    WINDOW_CLOSED: "Re-engagement message",
    UNSUPPORTED_TYPE: "Unsupported message type",
    MEDIA_UPLOAD: "Media upload error",
    PAIR_RATE: "(Business Account, Consumer Account) pair rate limit hit",
    TEMPLATE_COUNT: "Number of parameters does not match the expected number of params",
    TEMPLATE_UNKNOWN: "Template name does not exist in the translation",
    TEMPLATE_TOO_LONG: "Translated text too long",
}
_STATUS = {BAD_TOKEN: 401, SOMETHING_WRONG: 500}


class MetaError(Exception):
    def __init__(self, code: int, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def error_body(code: int, details: str) -> dict[str, Any]:
    return {
        "error": {
            "message": f"(#{code}) {_TITLES[code]}",
            "type": "OAuthException",
            "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": details},
            "fbtrace_id": secrets.token_urlsafe(16),
        }
    }


def install(app: FastAPI) -> None:
    """Makes every failure of this application speak Graph."""

    def answer(code: int, details: str) -> JSONResponse:
        return JSONResponse(error_body(code, details), _STATUS.get(code, 400))

    @app.exception_handler(MetaError)
    async def refused(_: Request, error: MetaError) -> JSONResponse:
        return answer(error.code, error.details)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return answer(BAD_REQUEST, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, _: HTTPException) -> JSONResponse:
        return answer(UNKNOWN_OBJECT, f"Unsupported {request.method.lower()} request.")

    @app.exception_handler(InjectedOutage)
    async def down(_: Request, __: InjectedOutage) -> JSONResponse:
        return answer(SOMETHING_WRONG, "Message failed to send due to an unknown error.")

    @app.exception_handler(InjectedThrottle)
    async def throttled(_: Request, __: InjectedThrottle) -> JSONResponse:
        return answer(NUMBER_RATE, "Message failed to send because there were too many messages.")

"""Structured logs on stdout: JSON for machines, console for people; ids bound, personal data and secrets masked."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from whatsinvoice_kit.observe.telemetry import current_trace_id

_GAPS = r" \u00a0\u2009\u202f().\u2010-\u2014-"
_PHONE = re.compile(rf"(?<![\w.-])\+?\(?\d[\d{_GAPS}]{{7,18}}\d(?!\w)")
_READABLE = re.compile(r"\d{4}-\d\d-\d\d.*|\d{13}-\d+|\d{1,3}(?:\.\d{1,3}){3}|-?\d+\.\d+")
"""What looks like a phone and is none: a date, a stream entry's id, an address, a decimal."""
MIN_PHONE_DIGITS = 9
_EMAIL = re.compile(r"\b([\w.+-])[\w.+-]*@([\w-]+\.[\w.-]+)")
_TOKEN = re.compile(
    r"\b(?:eyJ[\w-]+\.[\w-]+\.[\w-]*|(?:sk|wi)_(?:live|test)_\w+|Bearer\s+\S+|bearer\s+[\w.~+/=-]{16,})"
)
_PASSWORD_OF_ADDRESS = re.compile(r"(://[^\s/:@]*):[^\s/@]+@")
_SECRET_NAMES = re.compile(
    r"passw|secret|token|code$|authorization|cookie|signature|otp$|(?:api|access|private|service|signing)_?key",
    re.IGNORECASE,
)
_NOT_SECRET = {"status_code", "error_code", "exit_code", "country_code", "currency_code"}
_ID = re.compile(r"[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}")


def mask_phone(phone: str) -> str:
    """`+2348012345678` as `+*********5678`: all but the last four digits hidden."""
    kept = phone[-4:]
    return "".join("*" if c.isdigit() else c for c in phone[:-4]) + kept


def mask_text(text: str) -> str:
    """A text with its phones, e-mails, tokens, and the passwords of its addresses masked."""
    text = _TOKEN.sub("[token]", text)
    text = _PASSWORD_OF_ADDRESS.sub(r"\1:***@", text)
    text = _EMAIL.sub(r"\1***@\2", text)
    return _PHONE.sub(_mask_if_phone, text)


def _mask_if_phone(found: re.Match[str]) -> str:
    """A date has eight digits, a phone nine or more."""
    text = found.group()
    digits = sum(c.isdigit() for c in text)
    return mask_phone(text) if digits >= MIN_PHONE_DIGITS and not _READABLE.fullmatch(text) else text


def _masked(value: Any, name: str = "") -> Any:
    if name not in _NOT_SECRET and _SECRET_NAMES.search(name) and value:
        return "[hidden]"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {mask_text(str(key)): _masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked(item) for item in value]
    text = str(value)  # a renderer would write an exception or a message out after the masking
    return text if _ID.fullmatch(text) else mask_text(text)


def _mask(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in list(event):
        if name not in ("timestamp", "level", "logger", "request_id", "trace_id", "service"):
            event[name] = _masked(event[name], name)
    return event


def _with_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if trace_id := current_trace_id():
        event["trace_id"] = trace_id
    return event


def configure_logging(service: str, *, form: str, level: str) -> None:
    """Sets up structlog and the standard library's logging alike, so that libraries' lines look and hide as ours do."""

    def with_service(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        with_service,
        _with_trace,
    ]
    renderer = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    ending: list[Any] = [structlog.processors.format_exc_info, structlog.processors.UnicodeDecoder(), _mask]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending, renderer],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "httpx", "httpcore", "botocore", "urllib3", "alembic.runtime.plugins"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )

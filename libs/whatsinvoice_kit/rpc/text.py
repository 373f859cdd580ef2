"""Text of requests: refuse the characters that no service takes, before a servicer reads them."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.text import REFUSED, is_clean


def check_message(message: Message) -> None:
    """Refuse a request whose text holds a forbidden character; INVALID_ARGUMENT (TEXT_INVALID) names the field."""
    for path in _unclean(message, ""):
        raise invalid(path, "TEXT_INVALID", REFUSED)


def _unclean(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if not is_clean(value):
            yield path
    elif isinstance(value, Message):
        for field, found in value.ListFields():
            within = f"{path}.{field.name}".removeprefix(".")
            if isinstance(found, (str, Message)):
                yield from _unclean(found, within)
            elif field.cpp_type in {field.CPPTYPE_STRING, field.CPPTYPE_MESSAGE} and not isinstance(found, bytes):
                for place, item in enumerate(found.values() if hasattr(found, "values") else found):
                    yield from _unclean(item, f"{within}[{place}]")

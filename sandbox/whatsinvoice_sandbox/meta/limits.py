"""How long and how many: WhatsApp's limits on what a message holds, each refused with its documented code."""

from typing import Any

from .errors import INVALID, MISSING, MetaError

TEXT_BODY, INTERACTIVE_BODY, CAPTION = 4096, 1024, 1024
HEADER_TEXT, FOOTER_TEXT = 60, 60
BUTTONS, BUTTON_TITLE, BUTTON_ID = 3, 20, 256
SECTIONS, SECTION_TITLE, ROWS, ROW_TITLE, ROW_DESCRIPTION, ROW_ID = 10, 24, 10, 24, 72, 200
CALLBACK_DATA, TEMPLATE_NAME, FILENAME = 512, 512, 240


def text(holder: dict[str, Any], name: str, most: int) -> str:
    """The text under `name`: 1 to `most` characters."""
    value = holder.get(name)
    if value is None:
        raise MetaError(MISSING, f"The parameter {name} is required.")
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise MetaError(INVALID, f"{name} length invalid. Min length: 1, Max length: {most}")
    return value


def optional_text(holder: dict[str, Any], name: str, most: int) -> str | None:
    return text(holder, name, most) if holder.get(name) is not None else None


def part(holder: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under `name`."""
    value = holder.get(name)
    if value is None:
        raise MetaError(MISSING, f"The parameter {name} is required.")
    if not isinstance(value, dict):
        raise MetaError(INVALID, f"{name} must be an object")
    return value


def parts(holder: dict[str, Any], name: str, most: int, least: int = 1) -> list[dict[str, Any]]:
    """The objects under `name`: `least` to `most` of them."""
    value = holder.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MetaError(INVALID, f"{name} must be a list of objects")
    if not least <= len(value) <= most:
        raise MetaError(INVALID, f"Invalid number of {name}. Min: {least}, Max: {most}")
    return value


def distinct(values: list[str], name: str) -> None:
    if len(set(values)) != len(values):
        raise MetaError(INVALID, f"Duplicated {name}")

"""What a message holds: checked against the limits, and turned into what the phone shows."""

from collections.abc import Awaitable, Callable
from typing import Any

from . import limits
from .errors import INVALID, UNSUPPORTED_TYPE, MetaError
from .media import MediaStore
from .templates import Templates

Content = dict[str, Any]
_INTERACTIVE_HEADERS = ("text", "document", "image", "video")


class Reader:
    """Reads one message body into content; raises MetaError."""

    def __init__(self, media: MediaStore, templates: Templates) -> None:
        self._media = media
        self._templates = templates

    async def read(self, body: dict[str, Any]) -> Content:
        kind = body.get("type", "text")
        readers: dict[str, Callable[[dict[str, Any]], Awaitable[Content]]] = {
            "text": self._text,
            "interactive": self._interactive,
            "template": self._template,
        }
        if kind in readers:
            return await readers[kind](limits.part(body, kind))
        if kind in {"document", "image", "audio", "video", "sticker"}:
            return await self._file(limits.part(body, kind), kind)
        raise MetaError(UNSUPPORTED_TYPE, f"Message type {kind!r} is not supported.")

    async def _text(self, given: dict[str, Any]) -> Content:
        return {"text": limits.text(given, "body", limits.TEXT_BODY)}

    async def _file(self, given: dict[str, Any], kind: str) -> Content:
        media = await self._media.of(given, kind)
        filename = limits.optional_text(given, "filename", limits.FILENAME) or f"{kind}-{media.id}"
        caption = limits.optional_text(given, "caption", limits.CAPTION)
        shown: Content = {
            kind: {
                "filename": filename,
                "mime_type": media.mime_type,
                "url": self._media.phone_url(media, filename),
                "sha256": media.sha256,
                "size": len(media.content),
            }
        }
        return {"text": caption, **shown} if caption else shown

    async def _template(self, given: dict[str, Any]) -> Content:
        content, attached = self._templates.read(given)
        for kind, reference in attached.items():
            content |= await self._file(reference, kind)
        return content

    async def _interactive(self, given: dict[str, Any]) -> Content:
        content: Content = {"text": limits.text(limits.part(given, "body"), "text", limits.INTERACTIVE_BODY)}
        if given.get("header") is not None:
            content |= await self._header(limits.part(given, "header"))
        if given.get("footer") is not None:
            content["footer"] = limits.text(limits.part(given, "footer"), "text", limits.FOOTER_TEXT)
        actions = {"button": _buttons, "list": _rows, "cta_url": _url_button}
        kind = str(given.get("type"))
        if kind not in actions:
            raise MetaError(INVALID, f"interactive type {kind!r} is not one of {', '.join(actions)}")
        return content | actions[kind](limits.part(given, "action"))

    async def _header(self, given: dict[str, Any]) -> Content:
        kind = given.get("type")
        if kind not in _INTERACTIVE_HEADERS:
            raise MetaError(INVALID, f"header type must be one of {', '.join(_INTERACTIVE_HEADERS)}")
        if kind == "text":
            return {"header": limits.text(given, "text", limits.HEADER_TEXT)}
        shown = await self._file(limits.part(given, kind), kind)
        return {kind: shown[kind]}


def _buttons(action: dict[str, Any]) -> Content:
    replies = [limits.part(button, "reply") for button in limits.parts(action, "buttons", limits.BUTTONS)]
    buttons = [
        {
            "id": limits.text(reply, "id", limits.BUTTON_ID),
            "title": limits.text(reply, "title", limits.BUTTON_TITLE),
        }
        for reply in replies
    ]
    limits.distinct([button["id"] for button in buttons], "button ids")
    limits.distinct([button["title"] for button in buttons], "button titles")
    return {"buttons": buttons}


def _rows(action: dict[str, Any]) -> Content:
    sections = limits.parts(action, "sections", limits.SECTIONS)
    rows: list[dict[str, Any]] = []
    for section in sections:
        title = limits.optional_text(section, "title", limits.SECTION_TITLE)
        if title is None and len(sections) > 1:
            raise MetaError(INVALID, "Each of several sections needs a title")
        rows += limits.parts(section, "rows", limits.ROWS)
    if len(rows) > limits.ROWS:
        raise MetaError(INVALID, f"Total row count exceeds the maximum allowed count: {limits.ROWS}")
    buttons = [
        {
            "id": limits.text(row, "id", limits.ROW_ID),
            "title": limits.text(row, "title", limits.ROW_TITLE),
            "description": limits.optional_text(row, "description", limits.ROW_DESCRIPTION) or "",
        }
        for row in rows
    ]
    limits.distinct([button["id"] for button in buttons], "row ids")
    return {"list_button": limits.text(action, "button", limits.BUTTON_TITLE), "buttons": buttons}


def _url_button(action: dict[str, Any]) -> Content:
    if action.get("name") != "cta_url":
        raise MetaError(INVALID, "action.name must be cta_url")
    parameters = limits.part(action, "parameters")
    url = limits.text(parameters, "url", 2000)
    if not url.startswith(("https://", "http://")):
        raise MetaError(INVALID, "url must begin with http:// or https://")
    return {"url_button": {"display_text": limits.text(parameters, "display_text", limits.BUTTON_TITLE), "url": url}}

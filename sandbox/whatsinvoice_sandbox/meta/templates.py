"""Message templates: registered ones are checked and filled in.

A number that has registered no template has all it asks for taken as approved, and the phone shows the parameters;
once one is registered, unknown names are refused with 132001, as Meta does.
"""

import itertools
import re
from typing import Any

from . import limits
from .errors import INVALID, TEMPLATE_COUNT, TEMPLATE_TOO_LONG, TEMPLATE_UNKNOWN, MetaError

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NAME = re.compile(r"[a-z0-9_]+")
_ATTACHMENTS = frozenset({"document", "image", "video"})
_MOST = 100
_CODE, _ADVICE = "*{{1}}* is your verification code.", " For your security, do not share this code."


class Templates:
    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, Any]] = {}
        self._ids = itertools.count(594_425_479_261_001)

    def register(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keeps a template; a sandbox approves at once."""
        name = limits.text(given, "name", limits.TEMPLATE_NAME)
        if not _NAME.fullmatch(name):
            raise MetaError(INVALID, "name may hold lowercase letters, digits and underscores only")
        language = limits.text(given, "language", 20)
        components = limits.parts(given, "components", _MOST)
        category = str(given.get("category", "UTILITY")).upper()
        if category == "AUTHENTICATION":
            components = [_in_own_words(component) for component in components]
        template = {
            "id": str(next(self._ids)),
            "name": name,
            "language": language,
            "category": category,
            "status": "APPROVED",
            "components": components,
        }
        self._known[name, language] = template
        return template

    def all(self) -> list[dict[str, Any]]:
        return list(self._known.values())

    def category(self, content: dict[str, Any]) -> str:
        """What a message is billed as: its template's category, `service` without one."""
        sent = content.get("template")
        if sent is None:
            return "service"
        known = self._known.get((sent["name"], sent["language"]))
        return str(known["category"]).lower() if known else "utility"

    def read(self, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """What the phone shows, and the media references that the header attaches, by kind."""
        name = limits.text(given, "name", limits.TEMPLATE_NAME)
        language = limits.text(limits.part(given, "language"), "code", 20)
        components = limits.parts(given, "components", _MOST, least=0)
        body = _texts(components, "body")
        attached = _attachments(components)
        content: dict[str, Any] = {"template": {"name": name, "language": language, "parameters": body}}
        known = self._known.get((name, language))
        if known is None and self._known:
            raise MetaError(TEMPLATE_UNKNOWN, f"template name ({name}) does not exist in {language}")
        if known is None:
            content["text"] = " · ".join(body) or name
            return content | _sent_buttons(components), attached
        content["text"] = _filled(_definition(known, "BODY"), body, "body")
        if len(content["text"]) > limits.INTERACTIVE_BODY:
            raise MetaError(TEMPLATE_TOO_LONG, f"The filled-in body is over {limits.INTERACTIVE_BODY} characters")
        if (header := _definition(known, "HEADER")).get("text"):
            content["header"] = _filled(header, _texts(components, "header"), "header")
        if footer := _definition(known, "FOOTER").get("text"):
            content["footer"] = footer
        return content | _known_buttons(_definition(known, "BUTTONS"), components), attached


def _in_own_words(component: dict[str, Any]) -> dict[str, Any]:
    """What Meta writes itself in a template for one-time codes."""
    if _of_type([component], "body"):
        return component | {"text": _CODE + (_ADVICE if component.get("add_security_recommendation") else "")}
    if _of_type([component], "footer"):
        return component | {"text": f"This code expires in {component.get('code_expiration_minutes')} minutes."}
    return component


def _of_type(components: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [component for component in components if str(component.get("type")).lower() == kind]


def _definition(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(iter(_of_type(template["components"], kind.lower())), {})


def _texts(components: list[dict[str, Any]], kind: str) -> list[str]:
    return [
        limits.text(parameter, "text", limits.INTERACTIVE_BODY)
        for component in _of_type(components, kind)
        for parameter in limits.parts(component, "parameters", _MOST, least=0)
        if parameter.get("type") == "text"
    ]


def _attachments(components: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        parameter["type"]: limits.part(parameter, parameter["type"])
        for component in _of_type(components, "header")
        for parameter in limits.parts(component, "parameters", 1, least=0)
        if parameter.get("type") in _ATTACHMENTS
    }


def _filled(definition: dict[str, Any], values: list[str], where: str) -> str:
    wording = str(definition.get("text", ""))
    names = list(dict.fromkeys(_PLACEHOLDER.findall(wording)))
    if len(names) != len(values):
        details = f"{where}: number of localizable_params ({len(values)}) does not match the expected ({len(names)})"
        raise MetaError(TEMPLATE_COUNT, details)
    by_name = dict(zip(names, values, strict=True))
    return _PLACEHOLDER.sub(lambda match: by_name[match[1]], wording)


def _button_values(components: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """(index, sub_type, payload or text) of each button component."""
    values = []
    for button in _of_type(components, "button"):
        parameter = limits.parts(button, "parameters", 1)[0]
        name = "payload" if parameter.get("type") == "payload" else "text"
        index, sub_type = str(button.get("index", 0)), str(button.get("sub_type")).lower()
        if not index.isdigit() or sub_type not in {"quick_reply", "url"}:
            raise MetaError(INVALID, "button needs an index and the sub_type quick_reply or url")
        values.append((int(index), sub_type, limits.text(parameter, name, limits.BUTTON_ID)))
    return sorted(values)


def _sent_buttons(components: list[dict[str, Any]]) -> dict[str, Any]:
    values = _button_values(components)
    content: dict[str, Any] = {}
    if replies := [value for _, kind, value in values if kind == "quick_reply"]:
        content["buttons"] = [{"id": value, "title": value} for value in replies]
    if links := [value for _, kind, value in values if kind == "url"]:
        content["url_button"] = {"display_text": "Open", "url": links[0]}
    return content


def _known_buttons(definition: dict[str, Any], components: list[dict[str, Any]]) -> dict[str, Any]:
    values = {index: value for index, _, value in _button_values(components)}
    content: dict[str, Any] = {}
    for index, button in enumerate(definition.get("buttons", [])):
        title, value, kind = str(button.get("text", "")), values.get(index), str(button.get("type")).upper()
        if kind == "OTP":
            _filled({"text": "{{1}}"}, [value] if value else [], "button")  # it copies a code, which the body shows
        elif kind == "URL":
            url = _filled({"text": button.get("url", "")}, [value] if value else [], "button")
            content["url_button"] = {"display_text": title, "url": url}
        else:
            content.setdefault("buttons", []).append({"id": value or title, "title": title})
    return content

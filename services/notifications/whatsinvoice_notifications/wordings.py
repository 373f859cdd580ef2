"""The wording of our WhatsApp templates, `templates/<language>/whatsapp.toml`: as Meta registers it, and what fills it.

Rules and shapes are those of Meta's message_templates API.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

_FOLDER = Path(__file__).parent / "templates"
_FILE = "whatsapp.toml"


@dataclass(frozen=True, slots=True)
class Wording:
    """One template in one language."""

    name: str
    language: str
    category: str
    examples: Mapping[str, str]
    button: Mapping[str, str] = field(default_factory=dict)
    """`text` is what it says; it leads to the address that ends in `path` and the link's own token. May be absent."""
    header: str = ""
    body: str = ""
    minutes: int = 0
    """How long a one-time code is good, which Meta tells its reader."""

    @property
    def is_code(self) -> bool:
        """Of these Meta fixes the words, and the one button copies the code."""
        return self.category == "AUTHENTICATION"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the values of the body, in order."""
        if self.is_code:
            return ("code",)
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(self.body) if name))

    def button_value(self, values: Mapping[str, str]) -> str:
        """What a message gives its button: the code, or the token at the end of `url`; nothing without a button.

        Raises ValueError for a url that is not under the path which the button leads to.
        """
        if self.is_code:
            return values["code"]
        if not self.button:
            return ""
        token = values["url"].rpartition(self.button["path"])
        if not token[1] or not token[2]:
            raise ValueError(f"the link of {self.name} is not under {self.button['path']}")
        return token[2]

    def definition(self, base_url: str, sample_document: str = "") -> dict[str, Any]:
        """The body of POST /message_templates. `sample_document` is the handle of an uploaded PDF for the reviewers."""
        components = self._code_components() if self.is_code else self._components(base_url, sample_document)
        return {"name": self.name, "language": self.language, "category": self.category, "components": components}

    def _code_components(self) -> list[dict[str, Any]]:
        return [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "FOOTER", "code_expiration_minutes": self.minutes},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": self.button["text"]}]},
        ]

    def _components(self, base_url: str, sample_document: str) -> list[dict[str, Any]]:
        address, token = base_url.rstrip("/") + self.button.get("path", ""), self.examples["token"]
        samples = {**self.examples, "url": address + token}
        numbered = {name: f"{{{{{number}}}}}" for number, name in enumerate(self.parameters, start=1)}
        header: dict[str, Any] = {"type": "HEADER", "format": self.header}
        if sample_document:
            header["example"] = {"header_handle": [sample_document]}
        body: dict[str, Any] = {
            "type": "BODY",
            "text": self.body.format(**numbered),
        }
        if self.parameters:
            body["example"] = {"body_text": [[samples[name] for name in self.parameters]]}
        found = [*([header] if self.header else []), body]
        if self.button:
            button = {"type": "URL", "text": self.button["text"], "url": f"{address}{{{{1}}}}", "example": [token]}
            found.append({"type": "BUTTONS", "buttons": [button]})
        return found


@cache
def _wordings(language: str) -> Mapping[str, Wording]:
    file = tomllib.loads((_FOLDER / language / _FILE).read_text(encoding="utf-8"))
    return {
        name: Wording(name, language, examples=file["examples"], **(entry | {"body": entry.get("body", "").strip()}))
        for name, entry in file["templates"].items()
    }


def wording(name: str, language: str) -> Wording:
    """Raises KeyError for a template that has no wording."""
    return _wordings(language)[name]


def all_wordings() -> list[Wording]:
    """Every template in every language."""
    languages = sorted(file.parent.name for file in _FOLDER.glob(f"*/{_FILE}"))
    return [wording for language in languages for wording in _wordings(language).values()]


def differences(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """The parts of a registered template, as Meta lists it, that are not as our definition wants them."""
    found = ["category"] if there.get("category") != wanted["category"] else []
    ours, theirs = ({part["type"]: part for part in whole.get("components", [])} for whole in (wanted, there))
    return found + [kind for kind in ours | theirs if not _agrees(ours.get(kind), theirs.get(kind))]


def _agrees(ours: Any, theirs: Any) -> bool:
    """Examples are for reviewers, and Meta adds fields of its own."""
    if isinstance(ours, list):
        same_length = isinstance(theirs, list) and len(ours) == len(theirs)
        return same_length and all(_agrees(one, other) for one, other in zip(ours, theirs, strict=True))
    if isinstance(ours, dict):
        # a copy-code button is listed as a link to a page of Meta's
        unlike = {"example", "type", "otp_type"} if ours.get("type") == "OTP" else {"example"}
        return isinstance(theirs, dict) and all(_agrees(ours[key], theirs.get(key)) for key in ours.keys() - unlike)
    return bool(ours == theirs)

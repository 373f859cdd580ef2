"""The labelled chat lines beside this file, the clock they were labelled by, and how a reading is compared."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from whatsinvoice_notifications.chat import Context, Draft, Reading, read

from support.root import ROOT

HERE = ROOT / "tests" / "unit" / "notifications" / "grammar"
NOW = datetime.fromisoformat("2026-11-24T10:00:00+01:00")  # a Tuesday, in Lagos


def merchant(text: str, context: Context | None = None) -> Reading:
    return read(text, sender="merchant", now=NOW, home_country="NG", currency="NGN", context=context)


def customer(text: str) -> Reading:
    return read(text, sender="customer", now=NOW, home_country="NG", currency="NGN")


@dataclass(frozen=True)
class LabelledLine:
    id: str
    sender: Literal["merchant", "customer"]
    context: Context | None
    text: str
    expect: dict[str, Any]

    def read(self) -> dict[str, Any]:
        reading = read(self.text, sender=self.sender, now=NOW, home_country="NG", currency="NGN", context=self.context)
        return reading.to_dict()


def labelled_lines() -> list[LabelledLine]:
    rows = [json.loads(line) for line in (HERE / "chat-examples.jsonl").read_text("utf-8").splitlines()]
    return [LabelledLine(row["id"], row["from"], _context(row["context"]), row["text"], row["expect"]) for row in rows]


def _context(data: dict[str, Any] | None) -> Context | None:
    return Context(data["state"], Draft.from_dict(data["draft"]), data.get("asked")) if data else None


def comparable(reading: dict[str, Any]) -> dict[str, Any]:
    """Names and descriptions without case, needs as a set; everything else exactly."""
    return {key: _comparable(key, value) for key, value in reading.items()}


def _comparable(key: str, value: Any) -> Any:
    if key == "needs":
        return sorted(value)
    if key in {"name", "description"} and isinstance(value, str):
        return " ".join(value.casefold().replace("\u2019", "'").split())
    if isinstance(value, dict):
        return {inner: _comparable(inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_comparable(key, item) for item in value]
    return value

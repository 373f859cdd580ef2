"""A phone in the sandbox: its owner writes, taps buttons, and reads what arrives."""

import json
from dataclasses import dataclass
from typing import Any, cast

import httpx

from whatsinvoice_local.demo.web import json_of

Message = dict[str, Any]


@dataclass
class Phone:
    """`seen` is the number of messages that were there before, or were already told."""

    owner: str
    number: str
    sandbox: httpx.Client
    seen: int = 0

    def write(self, text: str) -> None:
        json_of(self.sandbox.post(self._messages, json={"text": text, "name": self.owner}), 201)

    def tap(self, button_id: str) -> None:
        json_of(self.sandbox.post(self._messages, json={"button_id": button_id}), 201)

    def messages(self, after: int) -> list[Message]:
        """All that was written and received after the message of this number."""
        found = json_of(self.sandbox.get(self._messages, params={"after": after}))
        return cast(list[Message], found["messages"])

    def received(self, after: int) -> list[Message]:
        return [message for message in self.messages(after) if message["direction"] == "outbound"]

    @property
    def _messages(self) -> str:
        return f"/_control/phones/{self.number}/messages"


def wording(message: Message) -> str:
    """Everything that the message says, links included, as one text."""
    return json.dumps(message, ensure_ascii=False)


def button(message: Message, title: str) -> str | None:
    """The id of the button that shows this title."""
    return next((button["id"] for button in message.get("buttons", []) if button["title"] == title), None)

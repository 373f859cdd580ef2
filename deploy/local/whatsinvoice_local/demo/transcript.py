"""The demonstration as people read it: the steps with their times, and both chats between them."""

import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime

from whatsinvoice_local.demo.phone import Message, Phone

_WIDTH = 100
_INDENT = " " * 10


class Transcript:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def step(self, seconds: float, number: int, name: str, took: float) -> None:
        self._say(f"{seconds:6.2f} s  {number:>2}. {name} ({took:.2f} s)")

    def note(self, text: str) -> None:
        self._say(f"{_INDENT}   {text}")

    def chats(self, phones: tuple[Phone, ...]) -> None:
        """Tells what is new on the phones, in the order in which it happened."""
        news: list[tuple[datetime, Phone, Message]] = []
        for phone in phones:
            for message in phone.messages(phone.seen):
                phone.seen = message["seq"]
                news.append((datetime.fromisoformat(message["at"]), phone, message))
        for at, phone, message in sorted(news, key=lambda entry: entry[0]):
            for line in _lines(at, phone.owner, message):
                self._say(line)


def _lines(at: datetime, owner: str, message: Message) -> Iterator[str]:
    way = f"{owner} writes" if message["direction"] == "inbound" else f"{owner} receives"
    yield f"{_INDENT}   {at.astimezone():%H:%M:%S}  {way}"
    for paragraph in str(message.get("text", "")).splitlines():
        for line in textwrap.wrap(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]:
            yield f"{_INDENT}   │ {line}"
    if document := message.get("document"):
        yield f"{_INDENT}   │ [{document['filename']}, {document['size']:,} bytes]"
    if link := message.get("url_button"):
        yield f"{_INDENT}   │ <{link['display_text']}: {link['url']}>"
    if buttons := message.get("buttons"):
        yield f"{_INDENT}   │ " + "  ".join(f"( {button['title']} )" for button in buttons)

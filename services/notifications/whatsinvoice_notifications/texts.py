"""All that we say: rendered in one place from `templates/<language>/`, always within WhatsApp's limits."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from whatsinvoice_notifications import wordings
from whatsinvoice_notifications.domain.message import Attachment, Content, Template

MAX_TEXT, MAX_CARD, MAX_CAPTION, MAX_PARAMETER = 4096, 1024, 1024, 1024
MAX_BUTTONS, MAX_TITLE, MAX_BUTTON_ID = 3, 20, 256
MAX_VALUE = 120
"""Of one name or number within a text, so that what comes after it is never cut off; links stay whole."""
_SPACES = re.compile(r"\s+")


@cache
def _texts(language: str) -> Mapping[str, Mapping[str, Any]]:
    folder = Path(__file__).parent / "templates" / language
    found: dict[str, Mapping[str, Any]] = {}
    for name in ("chat.toml", "messages.toml"):
        found |= tomllib.loads((folder / name).read_text(encoding="utf-8"))
    return found


def shortened(text: str, most: int = MAX_VALUE) -> str:
    """The text, with an ellipsis where it had to be cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def render(
    name: str,
    /,
    *,
    language: str = "en",
    button_ids: Sequence[str] = (),
    attachment: Attachment | None = None,
    block: str = "",
    **values: str,
) -> Content:
    """What to say under a name, filled with values; `block` may have many lines, every other value is one line.

    Raises KeyError for a text or a value that is not there.
    """
    entry = _texts(language)[name]
    filled = {key: value if key == "url" else shortened(_SPACES.sub(" ", value)) for key, value in values.items()}
    titles = entry.get("buttons", [])
    most = MAX_CAPTION if attachment else MAX_CARD if titles else MAX_TEXT
    text = shortened(entry["text"].strip().format(**filled, block=block), most)
    buttons = tuple(zip(button_ids, titles, strict=True))
    if len(buttons) > MAX_BUTTONS or any(len(i) > MAX_BUTTON_ID or len(t) > MAX_TITLE for i, t in buttons):
        raise ValueError(f"the buttons of {name} break WhatsApp's limits")
    return Content(text, buttons, attachment, _template(entry.get("whatsapp"), language, filled))


def _template(name: str | None, language: str, values: Mapping[str, str]) -> Template | None:
    """WhatsApp's parameters may hold no line breaks and must not be empty."""
    if name is None:
        return None
    wording = wordings.wording(name, language)
    parameters = tuple(shortened(values[value], MAX_PARAMETER) or "-" for value in wording.parameters)
    return Template(name, language, parameters, wording.button_value(values))

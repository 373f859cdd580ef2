"""Text from callers: which characters are refused, and how invisible marks leave a name."""

import re
import unicodedata

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters except tab and line breaks (PostgreSQL stores no NUL), and halves of surrogate pairs."""
_SHOWS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Characters that show nothing although Unicode does not class them as format characters, or not yet."""
_JOINERS = frozenset("\u200c\u200d")
"""Zero-width joiners: they shape letters and emoji, so they stay between two visible characters."""
REFUSED = "control characters and halves of surrogate pairs are not allowed"


def is_clean(text: str) -> bool:
    """Return whether the text has no character that is refused everywhere."""
    return _FORBIDDEN.search(text) is None


def without_control(text: str) -> str:
    """Return the text without the characters that are refused everywhere: for texts whose writer gets no error."""
    return _FORBIDDEN.sub("", text)


def visible(text: str) -> str:
    """Return the text on one line without invisible marks; empty when nothing else is in it."""
    kept = "".join(char for char in text if char in _JOINERS or char.isspace() or not _is_invisible(char))
    words = (word.strip("".join(_JOINERS)) for word in kept.split())
    return " ".join(word for word in words if any(not _is_mark(char) for char in word))


def visible_lines(text: str) -> str:
    """Return the text without invisible marks and with its line breaks; empty when nothing else is in it."""
    return "\n".join(visible(line) for line in text.splitlines()).strip("\n")


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs"} or _SHOWS_NOTHING.match(char) is not None


def _is_mark(char: str) -> bool:
    """Return whether the character shows nothing by itself: a combining mark or a joiner."""
    return char in _JOINERS or unicodedata.category(char) in {"Mn", "Me"}

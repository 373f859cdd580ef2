"""A message as received -> the text the grammar reads: one spelling of spaces and quotes, no emoji, no hidden marks."""

import re
import unicodedata

# Curly quotes, typographic hyphens and dashes, the multiplication sign: one plain spelling of each.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\u2010\u2011\u2013", "-"),
        "\u2014": " - ",
        "\u00d7": "x",
    }
)
# So: pictographs; Sk with the emoji block: skin tones; Cf: zero-width and text-direction marks; Cc, Co, Cn: no text.
_DROPPED = frozenset({"So", "Cf", "Cc", "Co", "Cn", "Cs"})
_VARIATION = re.compile("[\ufe00-\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
_SPACES = re.compile(r"[^\S\n]+")
_ASCII_ONLY = re.compile(r"[\n -~]*\Z")


def normalise(text: str) -> str:
    """NFKC, emoji and invisible marks gone, every space a plain one, one kind of line break. Case is kept."""
    if _ASCII_ONLY.match(text):
        return _SPACES.sub(" ", text).strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = unicodedata.normalize("NFKC", text.replace("\t", " ")).translate(_PLAIN)
    text = _VARIATION.sub(" ", text)
    kept = (_kept(char) for char in text)
    return _SPACES.sub(" ", "".join(kept)).strip()


def _kept(char: str) -> str:
    if char.isascii():
        return char if char == "\n" or char >= " " else ""
    category = unicodedata.category(char)
    if category == "So":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return "" if category in _DROPPED else char

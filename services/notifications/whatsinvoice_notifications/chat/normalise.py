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
# Numerals that NFKC would glue to the digits beside them: fractions, superscripts, subscripts, circled numbers, Roman
# numerals. They stay as they are, and the bot asks about them.
_NUMERALS = re.compile(
    "([\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089\u2150-\u218b\u2460-\u24ff\u2776-\u2793\u3220-\u3229\u3248-\u324f"
    "\u3251-\u325f\u3280-\u3289\u32b1-\u32bf\U0001f100-\U0001f10c])"
)
_SPACES = re.compile(r"[^\S\n]+")
_ASCII_ONLY = re.compile(r"[\n -~]*\Z")


def normalise(text: str) -> str:
    """NFKC, emoji and invisible marks gone, every space a plain one, one kind of line break. Case is kept."""
    if _ASCII_ONLY.match(text):
        return _SPACES.sub(" ", text).strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = "".join(_composed(part) for part in _NUMERALS.split(text.replace("\t", " "))).translate(_PLAIN)
    text = _VARIATION.sub(" ", text)
    kept = (_kept(char) for char in text)
    return _SPACES.sub(" ", "".join(kept)).strip()


def _composed(part: str) -> str:
    return part if _NUMERALS.fullmatch(part) else unicodedata.normalize("NFKC", part)


def _kept(char: str) -> str:
    if char.isascii():
        return char if char == "\n" or char >= " " else ""
    category = unicodedata.category(char)
    if category == "So":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return "" if category in _DROPPED else char

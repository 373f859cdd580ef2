"""The shipped fonts, and text made of nothing but what they can draw.

PDF/A forbids the empty box for a missing character, so a name with an emoji would otherwise stop its invoice.
"""

import re
import struct
import unicodedata
from functools import cache
from pathlib import Path

import typst

FONT_FOLDER = Path(__file__).parent / "fonts"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LONGEST_WORD = 40
_LAST_SEGMENT = 0xFFFF
_BREAK = "\N{ZERO WIDTH SPACE}"


@cache
def fonts() -> typst.Fonts:
    """Give the shipped fonts, read once; the machine's own would differ from place to place."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONT_FOLDER])


def drawable(text: str, longest_word: int = LONGEST_WORD) -> str:
    """Give `text` on one line, composed, without what is invisible, and with U+FFFD for what the fonts lack.

    Invisible format characters go because they can turn the reading order of an amount around. A word over
    `longest_word` characters gets places to break at, or it would run into the next column.
    """
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    shown = "".join(char for char in composed if unicodedata.category(char) not in {"Cc", "Cf", "Cs"})
    covered = coverage()
    replaced = "".join(char if ord(char) in covered else REPLACEMENT for char in shown)
    replaced = re.sub(f"{REPLACEMENT}+", REPLACEMENT, replaced)
    return re.sub(rf"(\S{{{longest_word}}})(?=\S)", rf"\1{_BREAK}", replaced)


def drawable_lines(text: str, longest_word: int = LONGEST_WORD) -> list[str]:
    """Return each line of `text` that is not blank, drawable."""
    lines = (drawable(line, longest_word) for line in text.splitlines())
    return [line for line in lines if line]


def undrawable(text: str) -> str:
    """Return the characters of `text` that no font draws, each once: a document shows U+FFFD in their place."""
    composed = unicodedata.normalize("NFC", text)
    shown = (char for char in composed if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    return "".join(dict.fromkeys(char for char in shown if not char.isspace() and ord(char) not in coverage()))


@cache
def coverage() -> frozenset[int]:
    """Give the code points that every shipped font has a glyph for."""
    return frozenset.intersection(*(_code_points(path.read_bytes()) for path in FONT_FOLDER.glob("*.ttf")))


def _code_points(font: bytes) -> frozenset[int]:
    """Read the code points of a font's `cmap` table, format 4, as the OpenType specification lays it out."""
    (table_count,) = struct.unpack_from(">H", font, 4)
    records = (struct.unpack_from(">4sIII", font, 12 + 16 * index) for index in range(table_count))
    cmap = next(offset for tag, _, offset, _ in records if tag == b"cmap")
    (subtable,) = struct.unpack_from(">I", font, cmap + 8)
    at = cmap + subtable
    layout, _, _, double_segments = struct.unpack_from(">4H", font, at)
    if layout != 4:  # noqa: PLR2004  the name of the format
        raise ValueError(f"a shipped font has a cmap of format {layout}, not 4")
    segments = double_segments // 2
    ends = struct.unpack_from(f">{segments}H", font, at + 14)
    starts = struct.unpack_from(f">{segments}H", font, at + 16 + double_segments)
    spans = (range(start, end + 1) for start, end in zip(starts, ends, strict=True) if start != _LAST_SEGMENT)
    return frozenset(code for span in spans for code in span)

"""A business's logo: checked before it is decoded, and handed to the template as an SVG around the picture.

The wrapping lets base64 carry the bytes, which a template cannot decode itself; a JSON list of numbers costs seven
times as much time, and hundreds of megabytes for a large logo. A picture without a readable size would be left out of
an SVG silently, so the size is read here.
"""

import struct
from base64 import b64encode
from dataclasses import dataclass

from whatsinvoice_invoices.documents.model import DocumentError

MAX_LOGO_BYTES = 512 * 1024
# A file of a few kilobytes can unpack to gigabytes.
MAX_LOGO_PIXELS = 4_000_000
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG = b"\xff\xd8"
# Start of frame, in all its kinds (ITU-T T.81, table B.1); C4, C8 and CC in their midst mean other things.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Logo:
    svg: str
    width: int
    height: int


def logo_of(picture: bytes) -> Logo:
    """Wrap a PNG or JPEG; those two only, because an SVG may refer to other files and bring text of its own.

    Raises:
        DocumentError: it is neither, or too large in bytes or pixels.
    """
    if len(picture) > MAX_LOGO_BYTES:
        raise DocumentError(f"a logo of {len(picture)} bytes is over {MAX_LOGO_BYTES}")
    try:
        kind, width, height = _size(picture)
    except struct.error as error:
        raise DocumentError("the logo's file is cut short") from error
    if not 0 < width * height <= MAX_LOGO_PIXELS:
        raise DocumentError(f"a logo of {width} x {height} pixels is over {MAX_LOGO_PIXELS} or empty")
    data = b64encode(picture).decode()
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<image width="{width}" height="{height}" href="data:image/{kind};base64,{data}"/></svg>'
    )
    return Logo(svg, width, height)


def _size(picture: bytes) -> tuple[str, int, int]:
    if picture.startswith(_PNG):
        width, height = struct.unpack_from(">II", picture, len(_PNG))
        return "png", width, height
    if not picture.startswith(_JPEG):
        raise DocumentError("a logo must be a PNG or a JPEG")
    at = len(_JPEG)
    while True:
        start, marker, length = struct.unpack_from(">BBH", picture, at)
        if start != 0xFF:  # noqa: PLR2004  what every marker begins with
            raise DocumentError("the logo's JPEG file is damaged")
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", picture, at + 5)
            return "jpeg", width, height
        at += 2 + length

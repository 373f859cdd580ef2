"""A logo is drawn, or refused with the reason; never left out in silence."""

import re
import struct
import zlib
from base64 import b64decode
from datetime import UTC, datetime

import pytest
from whatsinvoice_invoices.documents import Business, Customer, DocumentError, ReceiptDocument, render_receipt
from whatsinvoice_invoices.documents.logos import MAX_LOGO_BYTES, logo_of

# Eight by four grey pixels.
JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wCDEAAoABwAHgAjAB4AGQAoACMAIQAjAC0AKwAoADAAPABkAEEAPAA3ADcAPAB7AFgAXQBJAGQAkQCAAJkAlgCPAIAAjACKAKAAtADmAMMAoACqANoArQCKAIwAyAERAMsA2gDuAPUBAgEEAQIAmwDBARsBLwEYAPoBLADmAP0BAgD4/8EACwgABAAIAQERAP/EABQAAQAAAAAAAAAAAAAAAAAAAAP/xAAWEAEBAQAAAAAAAAAAAAAAAAABAgD/2gAIAQEAAD8AC7ZtAN//2Q=="
)


def a_png(width: int, height: int, claimed_width: int | None = None) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", claimed_width or width, height, 8, 2, 0, 0, 0)
    pixels = b"".join(b"\0" + bytes((200, y % 256, 90)) * width for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def receipt_with(logo: bytes) -> bytes:
    document = ReceiptDocument(
        number="RCP-1",
        invoice_number="INV-1",
        business=Business("Eko", logo=logo),
        customer=Customer("Jane"),
        currency="NGN",
        amount_minor=1,
        balance_due_minor=0,
        method="Card",
        reference="T1",
        paid_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    return render_receipt(document)


@pytest.mark.parametrize(("picture", "size"), [(a_png(60, 20), (60, 20)), (JPEG, (8, 4))], ids=["png", "jpeg"])
def test_a_logo_is_drawn(picture: bytes, size: tuple[int, int]) -> None:
    logo = logo_of(picture)
    assert (logo.width, logo.height) == size
    drawn = re.findall(rb"/Subtype/Image[^>]*/Width (\d+)/Height (\d+)", receipt_with(picture))
    assert [(int(width), int(height)) for width, height in drawn] == [size]


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"", "PNG or a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "PNG or a JPEG"),
        (a_png(2, 2)[:18], "cut short"),
        (JPEG[:30], "cut short|damaged"),
        (b"\xff\xd8\x00\x00\x00\x00\x00", "damaged"),
        (b"\xff\xd8\xff\xff\x00\x00", "damaged|cut short"),
        (a_png(2, 2)[:45], "cannot be drawn"),
        (a_png(2, 0), "or empty"),
        (a_png(1, 1, claimed_width=5_000_000), "pixels"),
        (b"\x89PNG" + bytes(MAX_LOGO_BYTES), "bytes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(picture: bytes, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        receipt_with(picture)

"""Chat lines with figures whose total is known, made from a seed: what a card may show, or that it must ask."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from whatsinvoice_notifications.chat import CreateInvoice, Draft

from support.chat_lines import merchant

ITEMS = ("cake", "wig", "logo design", "rice", "blouse", "generator repair", "makeup", "bonnet", "chair", "iPhone 13")
UNITS = ("bag", "hour", "day", "plate", "page", "litre", "night", "month", "kg", "yard", "person", "crate")
UNIT_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
FORMS: dict[str, list[str]] = json.loads((Path(__file__).parent / "figure-forms.json").read_text("utf-8"))


@dataclass(frozen=True)
class Piece:
    """`total` None: no card may be finished. `less` is taken off the whole, as an amount or a share of it."""

    text: str
    total: int | None
    less: int = 0
    percent: int = 0


def words(value: int, hyphen: str) -> str:
    """Return the value below a billion in words, tens and units joined by `hyphen`."""
    if value >= 1000:
        big, name = (1_000_000, "million") if value >= 1_000_000 else (1000, "thousand")
        rest = words(value % big, hyphen) if value % big else ""
        return f"{words(value // big, hyphen)} {name} {rest}".strip()
    if value >= 100:
        rest = f" and {words(value % 100, hyphen)}" if value % 100 else ""
        return f"{UNIT_WORDS[value // 100]} hundred{rest}"
    if value < 20:
        return UNIT_WORDS[value]
    return TENS[value // 10] + (hyphen + UNIT_WORDS[value % 10] if value % 10 else "")


def amount(rng: random.Random, value: int) -> str:
    """Return one of the spellings of an amount of money."""
    spellings = [f"{value}", f"{value:,}", f"N{value}", f"₦{value:,}", f"NGN {value:,}", f"{value} naira", f"{value}/="]
    if value % 500 == 0:
        spellings += [f"{Decimal(value) / 1000:f}k", f"N{Decimal(value) / 1000:f}k", f"{Decimal(value) / 1000:f}K"]
    spellings += [f"{words(value, ' ')} naira", f"{words(value, '-')} naira", words(value, "-")]
    return rng.choice(spellings)


def strange_amount(rng: random.Random, value: int) -> str:
    """Return a spelling that nobody can be sure of."""
    return rng.choice(
        [
            f"{value:,}.00k", f"N{value:,}.00k", f"{value}²", f"{value}½", f"½{value}", f"{value * 10:,}k",
            f"{value}⁰",            f"{value}-{value * 2}", f"{value} or {value * 2}", f"{value}/{value * 2}",
            f"{value // 1000}'{value % 1000:03d}",
            f"{value}+", f"fivty {words(value, ' ')}", f"half of {value}", f"50% of {value}", f"{value} thou",
        ]
    )  # fmt: skip


def _price(rng: random.Random) -> int:
    return rng.choice([500, 1500, 2500, 5000, 7500, 12000, 45000, 75000, 120000, 1250, 3300])


def _count(rng: random.Random) -> int:
    return rng.choice([2, 3, 4, 5, 7, 12, 20, 50, 99, 100, 250, 1000])


def _said(rng: random.Random, count: int) -> str:
    return rng.choice([f"{count}", f"{count}", words(count, "-"), words(count, " ")])


def plain(rng: random.Random) -> Piece:
    item, price = rng.choice(ITEMS), _price(rng)
    said = amount(rng, price)
    form = rng.choice(FORMS["plain"])
    return Piece(form.format(i=item, p=said), price)


def of_each(rng: random.Random) -> Piece:
    item, price, count, unit = rng.choice(ITEMS), _price(rng), _count(rng), rng.choice(UNITS)
    form = rng.choice(FORMS["each"])
    return Piece(form.format(i=item, p=amount(rng, price), n=_said(rng, count), u=unit), price * count)


def of_all(rng: random.Random) -> Piece:
    item, price, count = rng.choice(ITEMS), _price(rng), _count(rng)
    form = rng.choice(FORMS["all"])
    return Piece(form.format(i=item, p=amount(rng, price), n=_said(rng, count)), price)


def not_a_price(rng: random.Random) -> Piece:
    item, price, other = rng.choice(ITEMS), _price(rng), _price(rng)
    form = rng.choice(FORMS["not_a_price"])
    return Piece(form.format(i=item, p=amount(rng, price), o=amount(rng, other)), None)


def strange(rng: random.Random) -> Piece:
    item, price = rng.choice(ITEMS), _price(rng)
    form = rng.choice(FORMS["strange"])
    return Piece(form.format(i=item, p=strange_amount(rng, price)), None)


def deduction(rng: random.Random) -> Piece:
    value, percent = rng.choice([500, 1000]), rng.choice([5, 10, 20])
    if rng.random() < 0.5:
        return Piece(
            rng.choice([f"less {value}", f"discount {value}", f"minus N{value}", f"{value} discount"]), 0, less=value
        )
    return Piece(rng.choice([f"less {percent}%", f"{percent}% off", f"{percent}% discount"]), 0, percent=percent)


def withheld(rng: random.Random) -> Piece:
    return Piece(rng.choice(["less 5% WHT", "WHT 5%", "minus 10% withholding tax", "less 5% wht"]), 0)


PIECES: tuple[Callable[[random.Random], Piece], ...] = (
    plain,
    plain,
    of_each,
    of_each,
    of_each,
    of_all,
    not_a_price,
    strange,
)


def line_of(rng: random.Random) -> tuple[str, Decimal | None]:
    """Return a line and the total it asks for; None where the bot must ask."""
    pieces = [rng.choice(PIECES)(rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    if rng.random() < 0.2:
        pieces.append(rng.choice([deduction, deduction, withheld])(rng))
    text = rng.choice([", ", ", ", "\n", "; ", " and ", " plus ", " + "]).join(piece.text for piece in pieces)
    if any(piece.total is None for piece in pieces):
        return f"invoice Jane 08031110001 {text}", None
    total = Decimal(sum(piece.total or 0 for piece in pieces))
    for piece in pieces:
        total -= total * piece.percent / 100 + piece.less
    return f"invoice Jane 08031110001 {text}", total


def total_of(draft: Draft) -> Decimal:
    """Return what the card of a finished draft shows in whole units, before tax."""
    total = sum((Decimal(line.quantity or 0) * (line.unit_price_minor or 0) for line in draft.lines), Decimal(0)) / 100
    if draft.discount and draft.discount.percent_bp:
        return total - total * draft.discount.percent_bp / 10_000
    return total - Decimal(draft.discount.amount_minor or 0) / 100 if draft.discount else total


def card_total(text: str) -> Decimal | None:
    """Return the total of the card that the line leads to; None where the bot asks instead."""
    reading = merchant(text)
    if not isinstance(reading, CreateInvoice) or set(reading.draft.needs) - {"phone", "customer_name"}:
        return None
    return total_of(reading.draft)

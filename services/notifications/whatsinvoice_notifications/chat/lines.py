"""The goods of a message -> invoice lines and what has to be asked about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from .amounts import quantity_text, to_minor
from .labels import TOTAL, unlabel
from .pieces import Basis, Piece, read_piece
from .readings import Line, Need
from .splitting import split_goods
from .tokens import Kind, Number, Token, is_word, words_of

_PRICES_FROM = 100


@dataclass(frozen=True, slots=True)
class Goods:
    lines: tuple[Line, ...]
    needs: tuple[Need, ...]


def read_goods(tokens: Sequence[Token]) -> Goods:
    """Lines in the order written. `needs` holds `amount` or `prices` where a price or count cannot be told."""
    fields = unlabel(tokens)
    if _figures_without_an_item(fields):
        return Goods((), ("amount",))
    pieces = [read_piece(part) for part in split_goods(fields)]
    totals = [piece.total for piece in pieces if piece.total]
    items, stray = _join_bare([piece for piece in pieces if not piece.total])
    needs: set[Need] = {"amount"} if stray else set()
    if not items:
        return _only_a_total(totals, needs)
    if totals and len(items) == 1 and items[0].price is None:
        items[0].price, items[0].basis, totals = totals[0], Basis.ALL, []
    lines = [_line(item, needs, alone=len(items) == 1) for item in items]
    if totals and not _adds_up(lines, totals):
        needs.add("amount")
    return Goods(tuple(lines), tuple(sorted(needs)))


def _figures_without_an_item(tokens: Sequence[Token]) -> bool:
    """Several amounts and nothing to tell which is for what."""
    amounts = sum(
        token.kind is Kind.NUMBER and not (at and tokens[at - 1].kind is Kind.MARK) for at, token in enumerate(tokens)
    )
    plain = all(
        token.kind in {Kind.NUMBER, Kind.BREAK, Kind.GAP} or token.text == TOTAL or is_word(token, "and", "for", "na")
        for token in tokens
    )
    return plain and amounts > 1


def _only_a_total(totals: Sequence[Number], needs: set[Need]) -> Goods:
    if len({total.value for total in totals}) != 1:
        return Goods((), ("amount",))
    line = _line(Piece(price=totals[0]), needs, alone=True)
    return Goods((line,), tuple(sorted(needs)))


def _join_bare(pieces: Sequence[Piece]) -> tuple[list[Piece], bool]:
    """Give figures that stand alone to the item before them, else to the one after; True when some found no item."""
    items: list[Piece] = []
    waiting: list[Piece] = []
    stray = False
    has_words = any(not piece.bare for piece in pieces)
    for piece in pieces:
        if piece.bare and has_words:
            if not (items and _give(piece, items[-1])):
                waiting.append(piece)
        else:
            waiting = [figures for figures in waiting if not _give(figures, piece)]
            items.append(piece)
    for figures in waiting:
        stray = stray or not any(_give(figures, item) for item in items)
    return items, stray


def _give(figures: Piece, item: Piece) -> bool:
    """Hand count and price to the item; False when it has its own."""
    if (figures.price and item.price) or (figures.counted and item.counted):
        return False
    if figures.price:
        item.price, item.basis = figures.price, figures.basis
    if figures.counted:
        item.count, item.counted, item.count_text = figures.count, True, figures.count_text
        item.basis = Basis.EACH if figures.basis is Basis.ITEM and item.basis is Basis.EACH else item.basis
    return True


def _line(piece: Piece, needs: set[Need], *, alone: bool) -> Line:
    description = words_of(piece.words)
    minor = _price(piece)
    if minor is None:
        needs.add("amount" if piece.price or (alone and not piece.counted) else "prices")
        return Line(description, _quantity(piece), None)
    if _is_doubtful(piece):
        needs.add("prices")
        return Line(description, _quantity(piece), None)
    count = piece.count or Decimal(1)
    each = minor / count if piece.basis is Basis.ALL else Decimal(minor)
    if each == int(each):
        return Line(description, quantity_text(count), int(each))
    return Line(f"{piece.count_text} {description}", "1", minor)


def _is_doubtful(piece: Piece) -> bool:
    """A count that may be a price, or several items and a price that may be of each or of all."""
    return piece.counted and (piece.count is None or (piece.basis is Basis.ITEM and piece.count != 1))


def _quantity(piece: Piece) -> str | None:
    if not piece.counted:
        return "1"
    return quantity_text(piece.count) if piece.count else None


def _price(piece: Piece) -> int | None:
    """Minor units; None for a question: unclear, zero, too large, or a bare number below 100."""
    number = piece.price
    if number is None or number.value is None:
        return None
    if not number.marked and number.value < _PRICES_FROM and piece.basis is not Basis.EACH:
        return None
    return to_minor(number.value)


def _adds_up(lines: Sequence[Line], totals: Sequence[Number]) -> bool:
    """Whether the stated total is the sum of the lines; nothing to compare while a price is missing."""
    if any(line.unit_price_minor is None or line.quantity is None for line in lines):
        return True
    total = sum(Decimal(line.quantity or 0) * (line.unit_price_minor or 0) for line in lines)
    return {to_minor(stated.value) for stated in totals} == {total}

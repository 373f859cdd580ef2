"""One item of a list -> count, price, words: `2x wig @ 5000`, `3 bags rice 45k each`, `40k for gown`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from .labels import TOTAL
from .lexicon import LEXICON
from .tokens import Kind, Number, Token, is_word

_COUNTS_BELOW = 100
_PRICES_FROM = 100
_TWO = 2


class Basis(Enum):
    """What a price is the price of."""

    ITEM = auto()  # the item as it stands; with a count, each or all cannot be told
    EACH = auto()
    ALL = auto()


@dataclass(slots=True)
class Piece:
    """`counted` without a `count`: a number from 100 to 999 that may be either. `price` None: none is written."""

    words: list[Token] = field(default_factory=list)
    count: Decimal | None = None
    counted: bool = False
    count_text: str = ""
    price: Number | None = None
    basis: Basis = Basis.ITEM
    total: Number | None = None

    @property
    def bare(self) -> bool:
        """Figures only: they belong to an item beside it."""
        return not self.words


def read_piece(tokens: Sequence[Token]) -> Piece:
    """Read one item. Tokens hold no field breaks but commas and brackets inside a description."""
    piece = Piece()
    work = _without_lead([token for token in tokens if token.kind is not Kind.GAP])
    if work and work[0].text == TOTAL and work[0].kind is Kind.MARK and len(work) > 1:
        piece.total = work[1].number
        return piece
    work = _take_unit_price(work, piece)
    work = _take_times(work, piece)
    work = _take_price_of_all(work, piece)
    work = _take_front_count(work, piece) if piece.price else _take_plain(work, piece)
    piece.words = _description(work)
    return piece


def _is(token: Token, group: str) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly(group, token.low)


def _number(tokens: Sequence[Token], at: int) -> Number | None:
    return tokens[at].number if 0 <= at < len(tokens) and tokens[at].kind is Kind.NUMBER else None


def _without_lead(tokens: list[Token]) -> list[Token]:
    at = 0
    while at < len(tokens) and (
        tokens[at].kind is Kind.BREAK
        or tokens[at].text in {"=", "+", "&", '"', "'", "/"}
        or is_word(tokens[at], "na", "and", "plus", "of", "is", "for")
        or _is(tokens[at], "bought")
        or _bought(tokens, at)
    ):
        at += _TWO if _bought(tokens, at) else 1
    return tokens[at:]


def _bought(tokens: Sequence[Token], at: int) -> bool:
    return at + 1 < len(tokens) and _is(tokens[at], "who_pays") and _is(tokens[at + 1], "bought")


# --- the price of one


def _take_unit_price(tokens: list[Token], piece: Piece) -> list[Token]:
    for at in range(len(tokens)):
        for reader in (_price_after_at, _price_before_each, _price_after_each):
            if found := reader(tokens, at):
                end, number = found
                piece.price, piece.basis = number, Basis.EACH
                return tokens[:at] + tokens[end:]
    return tokens


def _price_after_at(tokens: Sequence[Token], at: int) -> tuple[int, Number] | None:
    if not (tokens[at].text == "@" or is_word(tokens[at], "at")):
        return None
    number_at = at + 2 if tokens[at + 1 : at + 2] and tokens[at + 1].text in {"@", ":"} else at + 1
    number = _number(tokens, number_at)
    return (_past_unit(tokens, number_at + 1), number) if number else None


def _price_before_each(tokens: Sequence[Token], at: int) -> tuple[int, Number] | None:
    number = _number(tokens, at)
    end = _past_unit(tokens, at + 1)
    return (end, number) if number and end > at + 1 else None


def _price_after_each(tokens: Sequence[Token], at: int) -> tuple[int, Number] | None:
    """`each one na 9k`, `each 9k`, `per bag 9k`."""
    end = _past_unit(tokens, at)
    if end == at + 1 and _is(tokens[at], "each") and _named_unit(tokens, end):
        end += 1
    if end == at or tokens[at].kind is not Kind.WORD or is_word(tokens[at], "a", "an"):
        return None
    while end < len(tokens) and (
        is_word(tokens[end], "na", "is", "for", "at") or tokens[end].text in {":", "=", "@", "-"}
    ):
        end += 1
    number = _number(tokens, end)
    return (end + 1, number) if number else None


def _named_unit(tokens: Sequence[Token], at: int) -> bool:
    """`each bag na 9k`: the word between `each` and the price is the unit."""
    if at + 1 >= len(tokens) or tokens[at].kind is not Kind.WORD:
        return False
    return tokens[at + 1].kind is Kind.NUMBER or is_word(tokens[at + 1], "na", "is")


def _past_unit(tokens: Sequence[Token], at: int) -> int:
    """Past `each`, `each one`, `for each`, `per bag`, `a pair`, `/bag`; `at` itself when none of them stands there."""
    if at >= len(tokens):
        return at
    begin = at + 1 if is_word(tokens[at], "for") else at
    if begin < len(tokens) and _is(tokens[begin], "each"):
        following = tokens[begin + 1] if begin + 1 < len(tokens) else None
        return begin + 2 if following is not None and following.low in {"one", "piece"} else begin + 1
    if tokens[at].text == "/" or is_word(tokens[at], "per"):
        return at + 2 if at + 1 < len(tokens) and tokens[at + 1].low != "" else at
    unit = tokens[at + 1] if at + 1 < len(tokens) else None
    if is_word(tokens[at], "a", "an") and unit is not None and unit.kind is Kind.WORD and _ends_item(tokens, at + 2):
        return at + 2
    return at


def _ends_item(tokens: Sequence[Token], at: int) -> bool:
    return at >= len(tokens) or tokens[at].kind is Kind.BREAK


# --- counts with x, prices of all


def _take_times(tokens: list[Token], piece: Piece) -> list[Token]:
    for at, token in enumerate(tokens):
        if token.kind is not Kind.MARK or token.text.lower() != "x":
            continue
        before, after = _number(tokens, at - 1), _number(tokens, at + 1)
        if before and after:
            return _take_product(tokens, at, piece)
        if before or after:
            number_at = at - 1 if before else at + 1
            _count(piece, tokens[number_at])
            return [item for index, item in enumerate(tokens) if index not in {at, number_at}]
    return tokens


def _take_product(tokens: list[Token], at: int, piece: Piece) -> list[Token]:
    """`5000 x 2`: the one below 100 is the quantity."""
    counts = [i for i in (at - 1, at + 1) if (number := _number(tokens, i)) and _below_hundred(number)]
    if len(counts) != 1:
        return tokens
    price_at = at * 2 - counts[0]
    _count(piece, tokens[counts[0]])
    piece.price, piece.basis = tokens[price_at].number, Basis.EACH
    return tokens[: at - 1] + tokens[at + 2 :]


def _below_hundred(number: Number) -> bool:
    return not number.is_price and number.value is not None and number.value < _COUNTS_BELOW


def _count(piece: Piece, token: Token) -> None:
    piece.counted = True
    piece.count = (token.number.value if token.number else None) or None  # none of it is no count
    piece.count_text = token.text


def _take_price_of_all(tokens: list[Token], piece: Piece) -> list[Token]:
    if piece.price is None and _number(tokens, 0) and len(tokens) > 1 and is_word(tokens[1], "for"):
        piece.price, piece.basis = tokens[0].number, Basis.ALL
        return tokens[2:]
    if piece.price is None and len(tokens) > _TWO and _number(tokens, -1 + len(tokens)) and is_word(tokens[-2], "for"):
        piece.price, piece.basis = tokens[-1].number, Basis.ALL
        return tokens[:-2]
    return tokens


# --- what is left: a number in front, a number behind


def _take_front_count(tokens: list[Token], piece: Piece) -> list[Token]:
    """The price is known, so a number in front is the quantity, however large."""
    number = _number(tokens, 0)
    if piece.counted or number is None or number.marked or number.value is None:
        return tokens
    _count(piece, tokens[0])
    return tokens[1:]


def _take_plain(tokens: list[Token], piece: Piece) -> list[Token]:
    numbers = [at for at in range(len(tokens)) if _number(tokens, at)]
    prices = [at for at in numbers if (number := _number(tokens, at)) and number.is_price]
    if len(prices) > 1 and (only := _only_money(tokens, prices)) is None:
        piece.price = Number(None, marked=True)
        return tokens
    price_at = only if len(prices) > 1 else prices[0] if prices else _modest_price(tokens, numbers)
    if price_at is not None:
        piece.price = tokens[price_at].number
        tokens = tokens[:price_at] + tokens[price_at + 1 :]
    return _take_doubtful_count(tokens, piece)


def _only_money(tokens: Sequence[Token], prices: Sequence[int]) -> int | None:
    """`Peugeot 3008 bumper 45k`: the one number that is written as money, when each other one stands behind a word."""
    money = [at for at in prices if (number := _number(tokens, at)) and number.marked]
    names = [at for at in prices if at not in money]
    behind_words = all(at > 0 and tokens[at - 1].kind is Kind.WORD for at in names)
    return money[0] if len(money) == 1 and behind_words else None


def _modest_price(tokens: Sequence[Token], numbers: Sequence[int]) -> int | None:
    """A bare number below 1000 as a price: alone, behind an item from 100 up."""
    if not numbers:
        return None
    last = numbers[-1]
    if len(tokens) == 1:
        return last
    number = _number(tokens, last)
    behind = last > 0 and all(
        token.kind is Kind.BREAK or _is(token, "description_tail") for token in tokens[last + 1 :]
    )
    return last if behind and number and number.value is not None and number.value >= _PRICES_FROM else None


def _take_doubtful_count(tokens: list[Token], piece: Piece) -> list[Token]:
    """A number in front of an item: below 100 a quantity, 100 to 999 cannot be told."""
    number = _number(tokens, 0)
    if piece.counted or number is None or number.is_price or len(tokens) == 1:
        return tokens
    _count(piece, tokens[0])
    if not _below_hundred(number):
        piece.count = None
        piece.price = None
    return tokens[1:]


# --- the description


def _description(tokens: list[Token]) -> list[Token]:
    """The item's own words: no punctuation, small lead or tail words around them."""
    begin, end = 0, len(tokens)
    while begin < end and _drops_in_front(tokens, begin, end):
        begin += 1
    while end > begin and _drops_behind(tokens[end - 1]):
        end -= 1
    kept = tokens[begin:end]
    opened, closed = (sum(token.text == bracket for token in kept) for bracket in "()")
    return kept if opened == closed else [token for token in kept if token.text not in {"(", ")"}]


def _drops_in_front(tokens: Sequence[Token], at: int, end: int) -> bool:
    token = tokens[at]
    if is_word(token, "payment"):
        return at + 1 < end and is_word(tokens[at + 1], "for")
    return (token.kind in {Kind.BREAK, Kind.MARK} and token.text != "(") or _is(token, "description_lead")


def _drops_behind(token: Token) -> bool:
    return (token.kind in {Kind.BREAK, Kind.MARK} and token.text != ")") or _is(token, "description_tail")

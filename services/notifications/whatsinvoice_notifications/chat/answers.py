"""Bare answers to the question the bot asked: `70k`, `friday`, `Bola Ade`, `naira`."""

from collections.abc import Callable, Sequence
from datetime import date

from .dates import read_date
from .edit_clauses import read_clause
from .lexicon import LEXICON
from .lines import read_goods
from .names import read_name
from .phrases import any_in, is_in, is_question
from .readings import Context, EditDraft
from .tokens import FOREIGN, Kind, Token, is_word


def read_answer(tokens: Sequence[Token], context: Context, today: date) -> EditDraft | None:
    """The change, where the message is nothing but the answer to what was asked."""
    if context.state != "question":
        return None
    reader = _READERS.get(context.asked or "")
    return reader(tokens, context, today) if reader else None


def _due_date(tokens: Sequence[Token], _context: Context, today: date) -> EditDraft | None:
    found = read_date(tokens, 0, today)
    if found is None or found.end != len(tokens):
        return None
    return EditDraft({"due_date": found.day.isoformat()}) if found.day else EditDraft({}, ("due_date",))


def _amount(tokens: Sequence[Token], context: Context, _today: date) -> EditDraft | None:
    numbers = [token for token in tokens if token.kind is Kind.NUMBER]
    plain = all(token.kind is Kind.NUMBER or is_in(token, "answer_filler", "courtesy", "each") for token in tokens)
    if len(numbers) != 1 or not plain:
        return None
    clause = read_clause([*_made(tokens), *numbers, *[t for t in tokens if is_in(t, "each")]], context.draft)
    return EditDraft(clause.changes, clause.needs) if clause else None


def _made(tokens: Sequence[Token]) -> list[Token]:
    edge = tokens[0]
    return [Token(Kind.WORD, word, word, edge.start, edge.start) for word in ("make", "it")]


def _prices(tokens: Sequence[Token], context: Context, _today: date) -> EditDraft | None:
    """The price of one: bare for the only line without a price, otherwise beside its item."""
    unpriced = [line for line in context.draft.lines if line.unit_price_minor is None]
    goods = read_goods(tokens)
    bare = all(token.kind is Kind.NUMBER or is_in(token, "answer_filler", "courtesy", "each") for token in tokens)
    if bare and len(unpriced) == 1 and len(goods.lines) == 1:
        price = goods.lines[0].unit_price_minor
        if price is None:
            return EditDraft({}, ("prices",))
        return EditDraft({"set_prices": [{"description": unpriced[0].description, "unit_price_minor": price}]})
    return EditDraft({}, ("prices",)) if bare and unpriced and goods.lines else None


def _name(tokens: Sequence[Token], _context: Context, _today: date) -> EditDraft | None:
    if any(token.kind in {Kind.NUMBER, Kind.PHONE} and not (token.number and token.number.spoken) for token in tokens):
        return None
    if any_in(tokens[:1], "edit_verb", "question", "cancel") or is_question(tokens):
        return None
    at = 0
    while at < len(tokens) and (
        is_in(tokens[at], "name_label") or is_word(tokens[at], "his", "her", "the", "is", "na", "im", "it's", "its")
    ):
        at += 1
    name = read_name(tokens, at)
    return EditDraft({"customer": {"name": name.text}}) if name.text and name.end == len(tokens) else None


def _currency(tokens: Sequence[Token], _context: Context, _today: date) -> EditDraft | None:
    codes = {LEXICON.value("money", token.low) for token in tokens if token.kind is Kind.WORD} - {None}
    plain = all(LEXICON.value("money", token.low) or is_in(token, "answer_filler", "courtesy") for token in tokens)
    if len(codes) != 1 or not plain:
        return None
    code = codes.pop()
    return EditDraft({}, ("currency",)) if code == FOREIGN else EditDraft({"currency": code})


_READERS: dict[str, Callable[[Sequence[Token], Context, date], EditDraft | None]] = {
    "amount": _amount,
    "prices": _prices,
    "due_date": _due_date,
    "customer_name": _name,
    "currency": _currency,
}

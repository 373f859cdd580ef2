"""One change of a draft as one clause says it: a price, a name, lines to add or remove, a count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .amounts import quantity_text, to_minor
from .draft_match import match_line
from .lines import read_goods
from .names import read_name
from .phrases import any_in, is_in, phrase_of
from .readings import Draft, Line, Need
from .tokens import Kind, Number, Token, is_word

_BARE_FROM = 100


@dataclass(frozen=True, slots=True)
class Clause:
    changes: Mapping[str, Any]
    needs: tuple[Need, ...] = ()


def read_clause(tokens: Sequence[Token], draft: Draft) -> Clause | None:
    """The change, or None when the clause is none."""
    for reader in (_clear, _name, _add, _remove, _quantity, _price):
        if clause := reader(tokens, draft):
            return clause
    return None


def _clear(tokens: Sequence[Token], draft: Draft) -> Clause | None:  # noqa: ARG001 - same shape as the others
    if not (is_in(tokens[0], "remove_verb") or is_word(tokens[0], "no", "without")):
        return None
    said = phrase_of(tokens[1:]).removeprefix("the ")
    key = {
        "due date": "due_date",
        "date": "due_date",
        "due": "due_date",
        "discount": "discount",
        "vat": "tax",
        "tax": "tax",
    }
    return Clause({key[said]: None}) if said in key else None


def _name(tokens: Sequence[Token], draft: Draft) -> Clause | None:  # noqa: ARG001 - same shape as the others
    """`change the name to Sam`, `name is Sam`, `the customer should be Sam`."""
    at = next((i for i, token in enumerate(tokens[:5]) if is_in(token, "name_label")), None)
    if at is None or not all(
        is_in(token, "edit_verb", "article", "edit_filler", "name_lead", "name_label") for token in tokens[:at]
    ):
        return None
    at += 1
    while at < len(tokens) and (
        is_in(tokens[at], "name_label") or is_word(tokens[at], "to", "is", "na", "should", "be", "as")
    ):
        at += 1
    name = read_name(tokens, at)
    return Clause({"customer": {"name": name.text}}) if name.text and name.end == len(tokens) else None


def _add(tokens: Sequence[Token], draft: Draft) -> Clause | None:  # noqa: ARG001 - same shape as the others
    if not is_in(tokens[0], "add_verb"):
        return None
    goods = read_goods(tokens[1:])
    if not goods.lines or any(not line.description for line in goods.lines):
        return None
    return Clause({"add_lines": [line.to_dict() for line in goods.lines]}, goods.needs)


def _remove(tokens: Sequence[Token], draft: Draft) -> Clause | None:
    if not is_in(tokens[0], "remove_verb") or any(token.kind is Kind.NUMBER for token in tokens):
        return None
    at = 2 if len(tokens) > 1 and is_word(tokens[1], "out", "off", "away") else 1
    line = match_line(tokens[at:], draft)
    if line:
        return Clause({"remove_lines": [line.description]})
    several = [match_line(part, draft) for part in _split_and(tokens[at:])]
    found = [line.description for line in several if line]
    return Clause({"remove_lines": found}) if found and len(found) == len(several) else None


def _split_and(tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if is_word(token, "and") or token.text == "&":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _quantity(tokens: Sequence[Token], draft: Draft) -> Clause | None:
    """`3 gels not 2`, `make it 3 gels`."""
    at = next((i for i, token in enumerate(tokens) if not is_in(token, "edit_verb", "edit_filler")), len(tokens))
    number = tokens[at].number if at < len(tokens) and tokens[at].kind is Kind.NUMBER else None
    if number is None or number.value is None or number.is_price:
        return None
    end = next((i for i in range(at, len(tokens)) if is_word(tokens[i], "not", "instead")), len(tokens))
    line = match_line(tokens[at + 1 : end], draft)
    if line is None:
        return None
    return Clause({"set_quantities": [{"description": line.description, "quantity": quantity_text(number.value)}]})


def _price(tokens: Sequence[Token], draft: Draft) -> Clause | None:
    """`make it 5000`, `change the price to 7k`, `gel should be 2k`, `make jollof tray be 16k each`."""
    numbers = [at for at, token in enumerate(tokens) if token.kind is Kind.NUMBER]
    if len(numbers) != 1:
        return None
    number = tokens[numbers[0]].number
    each = any_in(tokens, "each")
    rest = [
        token
        for at, token in enumerate(tokens)
        if at != numbers[0]
        and token.kind is not Kind.MARK
        and not is_in(token, "each", "price_edit", "edit_filler", "edit_verb")
    ]
    if number is None:
        return None
    if rest:
        line = match_line(rest, draft)
        return _set_price(line, number, each=each) if line else None
    return _only_price(number, draft, each=each) if _says_change(tokens) else None


def _says_change(tokens: Sequence[Token]) -> bool:
    return any_in(tokens, "edit_verb", "price_edit")


def _set_price(line: Line, number: Number, *, each: bool) -> Clause:
    minor = _price_of(number, each=each)
    if minor is None:
        return Clause({}, ("amount",))
    if line.quantity != "1" and not each:
        return Clause({}, ("prices",))
    return Clause({"set_prices": [{"description": line.description, "unit_price_minor": minor}]})


def _only_price(number: Number, draft: Draft, *, each: bool) -> Clause:
    minor = _price_of(number, each=each)
    doubtful = len(draft.lines) > 1 or (draft.lines and draft.lines[0].quantity != "1" and not each)
    return Clause({}, ("amount",)) if minor is None or doubtful else Clause({"amount_minor": minor})


def _price_of(number: Number, *, each: bool) -> int | None:
    """Minor units; None for what is a question, a bare number below 100 among them."""
    if number.value is None or (not number.marked and not each and number.value < _BARE_FROM):
        return None
    return to_minor(number.value)

"""Whether a message asks for an invoice, for whom, and which tokens then are the goods."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .lexicon import LEXICON
from .names import labelled_name, number_in_name, read_capitalised_name, read_name
from .tokens import Kind, Token, is_word

_LONGEST_NAME = 6
_COUNT_BELOW = 100


@dataclass(frozen=True, slots=True)
class Request:
    name: str | None
    goods: list[Token]


@dataclass(frozen=True, slots=True)
class _Head:
    """The words that ask: `invoice`, `make an invoice`, `send Sam an invoice` (then `name_at` spans the name)."""

    start: int
    end: int
    name_at: tuple[int, int] | None = None


def find_request(tokens: Sequence[Token]) -> Request | None:
    """The request, or None when the message does not ask for an invoice. Contacts and dates are gaps by now."""
    start = _skip_asking(tokens)
    head = _head_at(tokens, start)
    if head is not None:
        return _after_head(tokens, head)
    return _late_request(tokens, start)


def _is(tokens: Sequence[Token], at: int, group: str) -> bool:
    return at < len(tokens) and tokens[at].kind is Kind.WORD and LEXICON.has(group, tokens[at].low)


def _skip_asking(tokens: Sequence[Token]) -> int:
    """Past `can you please`, `I wan`, `abeg help me`."""
    at = 0
    while at < len(tokens) and (
        tokens[at].kind in {Kind.BREAK, Kind.GAP} or _is_asking(tokens[at]) or _title_of_address(tokens, at)
    ):
        at += 1
    return at


def _is_asking(token: Token) -> bool:
    return token.kind is Kind.WORD and any(LEXICON.has_exactly(group, token.low) for group in ("asking", "courtesy"))


def _title_of_address(tokens: Sequence[Token], at: int) -> bool:
    """`my brother`, `my oga`."""
    return is_word(tokens[at], "my") and at + 1 < len(tokens) and _is_asking(tokens[at + 1])


def _head_at(tokens: Sequence[Token], at: int) -> _Head | None:
    if _is(tokens, at, "invoice_verb"):
        return _checked(tokens, _Head(at, at + 1))
    if not (_is(tokens, at, "make_verb") or _just_made(tokens, at)):
        return None
    begin = at
    while at < len(tokens) and (
        _is(tokens, at, "make_verb") or _is_plain(tokens, at, "article") or tokens[at].low == "one"
    ):
        at += 1
    if _is(tokens, at, "invoice_word"):
        return _checked(tokens, _Head(begin, at + 1))
    return _named_head(tokens, begin, at)


def _just_made(tokens: Sequence[Token], at: int) -> bool:
    """`make a bill`: Pidgin's `make` was skipped as asking. `a bill of 20k to Sam` leaves its verb out."""
    if not _is_plain(tokens, at, "article"):
        return False
    if at > 0 and is_word(tokens[at - 1], "make", "help", "want", "need", "like"):
        return True
    bare_bill = is_word(tokens[at], "a", "an") and _is(tokens, at + 1, "invoice_word")
    return bare_bill and any(token.kind is Kind.NUMBER for token in tokens[at:])


def _is_plain(tokens: Sequence[Token], at: int, group: str) -> bool:
    return at < len(tokens) and tokens[at].kind is Kind.WORD and LEXICON.has_exactly(group, tokens[at].low)


def _named_head(tokens: Sequence[Token], begin: int, at: int) -> _Head | None:
    """`send Pastor James invoice`: the name stands inside."""
    end = at
    while end < len(tokens) and end - at <= _LONGEST_NAME and tokens[end].kind is Kind.WORD:
        if _is(tokens, end, "invoice_word"):
            name_end = end - 1 if _is_plain(tokens, end - 1, "article") else end
            return _Head(begin, end + 1, (at, name_end)) if name_end > at else None
        if _is_plain(tokens, end, "name_end") or is_word(tokens[end], "to"):
            return None
        end += 1
    return None


def _checked(tokens: Sequence[Token], head: _Head) -> _Head | None:
    """`invoice was wrong` talks about an invoice, `invoice 12` names one: both ask for none."""
    if _is_plain(tokens, head.end, "after_invoice_not_a_name"):
        return None
    after = [token for token in tokens[head.end :] if token.kind is not Kind.BREAK and not is_word(token, "again")]
    number = after[0].number if len(after) == 1 else None
    named = number is not None and not number.is_price and number.value is not None and number.value < _COUNT_BELOW
    return None if named else head


def _after_head(tokens: Sequence[Token], head: _Head) -> Request:
    if head.name_at:
        name = read_name(tokens[: head.name_at[1]], head.name_at[0])
        return Request(name.text, list(tokens[head.end :]))
    after = list(tokens[head.end :])
    if found := labelled_name(after):
        name, label = found
        return Request(name.text, [*after[:label], *after[name.end :]])
    if early := _amount_first(after):
        return early
    name = read_name(after, 0)
    return Request(name.text, after[name.end :])


def _amount_first(tokens: list[Token]) -> Request | None:
    """`bill 20k to Sam for mugs`, `invoice 700, Peter bread`; None when no amount comes first."""
    at = 0
    while at < len(tokens) and (tokens[at].kind in {Kind.GAP, Kind.BREAK} or is_word(tokens[at], "of", "for", "na")):
        at += 1
    if at >= len(tokens) or tokens[at].kind is not Kind.NUMBER or number_in_name(tokens, at, at):
        return None
    amount = tokens[at]
    number = amount.number
    after = at + 1
    while after < len(tokens) and tokens[after].kind in {Kind.GAP, Kind.BREAK}:
        after += 1
    if after < len(tokens) and is_word(tokens[after], "to", "give", "go"):
        name = read_name(tokens, after + 1)
        return Request(name.text, [amount, *tokens[name.end :]])
    if number and not number.is_price and number.value is not None and number.value < _COUNT_BELOW:
        return _goods_first(tokens, after)
    name = read_capitalised_name(tokens, after) if _has_both_cases(tokens[after:]) else read_name([], 0)
    if name.text is None or number is None:
        return Request(None, tokens)
    return Request(name.text, [replace(amount, number=replace(number, marked=True)), *tokens[name.end :]])


def _goods_first(tokens: list[Token], at: int) -> Request:
    """`make invoice for 2 mugs at 800 each to Sam`: the name comes last, or not at all."""
    for to in range(at, len(tokens) - 1):
        if is_word(tokens[to], "to", "give") and tokens[to + 1].kind is Kind.WORD:
            name = read_name(tokens, to + 1)
            return Request(name.text, [*tokens[:to], *_break_before(tokens[name.end :])])
    return Request(None, tokens)


def _has_both_cases(tokens: Sequence[Token]) -> bool:
    words = [token for token in tokens if token.kind is Kind.WORD]
    return any(word.text.isupper() or word.capitalised for word in words) and any(
        not word.text.isupper() for word in words
    )


# --- the invoice word comes late


def _late_request(tokens: Sequence[Token], start: int) -> Request | None:
    """`2 mugs at 800 each - invoice Sam`, `Sam, mugs, 5k, invoice please`, `Sam invoice am 5k`."""
    for at in range(start + 1, len(tokens)):
        head = _late_head(tokens, at)
        if head is None:
            continue
        before, after = tokens[:at], _without_courtesy(tokens[head.end :])
        told = is_word(after[0], "am") if after else False
        if not told and not any(token.kind in {Kind.NUMBER, Kind.GAP} for token in before):
            return None
        return _split_late(list(before), after, told=told)
    return None


def _late_head(tokens: Sequence[Token], at: int) -> _Head | None:
    if not (_is_plain(tokens, at, "asking") or _is(tokens, at, "invoice_verb") or _is(tokens, at, "make_verb")):
        return None
    inner = at
    while inner < len(tokens) and _is_asking(tokens[inner]):
        inner += 1
    head = _head_at(tokens, inner)
    if head is None:
        return None
    opens = tokens[at - 1].kind in {Kind.BREAK, Kind.GAP} or _is_asking(tokens[at - 1])
    closes = not _without_courtesy(tokens[head.end :]) or is_word(tokens[min(head.end, len(tokens) - 1)], "am")
    return head if opens or closes else None


def _without_courtesy(tokens: Sequence[Token]) -> list[Token]:
    end = len(tokens)
    while end and (tokens[end - 1].kind in {Kind.BREAK, Kind.GAP} or _is_plain(tokens, end - 1, "courtesy")):
        end -= 1
    begin = 0
    while begin < end and (tokens[begin].kind is Kind.BREAK or _is_plain(tokens, begin, "please")):
        begin += 1
    return list(tokens[begin:end])


def _split_late(before: list[Token], after: list[Token], *, told: bool) -> Request:
    first = _skip_asking(before)
    if _is_plain(before, first, "sold"):
        return _sale(before[first + 1 :], after)
    if told or not after or after[0].kind is Kind.NUMBER:
        name = read_name(before, first)
        return Request(name.text, [*before[name.end :], *_break_before(after[1:] if told else after)])
    name = read_name(after, 0)
    return Request(name.text, [*before, *_break_before(after[name.end :])])


def _sale(goods: list[Token], after: list[Token]) -> Request:
    """`I sell 2 mugs give Sam, 800 each, make invoice`."""
    for at in range(1, len(goods)):
        if is_word(goods[at], "give", "to"):
            name = read_name(goods, at + 1)
            return Request(name.text, [*goods[:at], *_break_before(goods[name.end :]), *_break_before(after)])
    name = read_name(after, 0)
    return Request(name.text, [*goods, *_break_before(after[name.end :])])


def _break_before(tokens: list[Token]) -> list[Token]:
    if not tokens:
        return []
    edge = tokens[0]
    return [Token(Kind.GAP, "", "", edge.start, edge.start), *tokens]

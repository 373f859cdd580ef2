"""Where one item of a list ends and the next begins."""

from collections.abc import Sequence

from .labels import TOTAL
from .lexicon import LEXICON
from .tokens import Kind, Number, Token, is_word

_PRICES_FROM = 100


def split_goods(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each item. A piece without a count or price of its own belongs to the piece before it."""
    whole = _price_for_the_rest(tokens)
    if whole is not None:
        return whole
    parts: list[list[Token]] = []
    cut = _cut(tokens)
    for index, (joint, part) in enumerate(cut):
        if not parts or _has_figure(part, counted_list=_is_counted(parts[-1])) or _is_total(parts[-1]):
            parts.append(part)
        elif _only_figures(parts[-1]) and index + 1 < len(cut) and _only_figures(cut[index + 1][1]):
            parts.append(part)  # `stand - 8,000`, `balloons - 4,500`: each name has its figure behind it
        elif len(parts) == 1 or not _only_figures(parts[-1]):
            parts[-1] += [*joint, *part]
        else:
            parts[-2] += [*joint, *part]
    return parts


def _is_total(part: Sequence[Token]) -> bool:
    return part[0].kind is Kind.MARK and part[0].text == TOTAL


def _only_figures(part: Sequence[Token]) -> bool:
    return all(token.kind in {Kind.NUMBER, Kind.MARK} or is_word(token, "each", "na", "at") for token in part)


def _cut(tokens: Sequence[Token]) -> list[tuple[list[Token], list[Token]]]:
    """Every piece between separators, with the separators before it. Words in brackets stay with their item."""
    pieces: list[tuple[list[Token], list[Token]]] = []
    joint: list[Token] = []
    part: list[Token] = []
    for at, token in enumerate(tokens):
        if not _separates(tokens, at):
            part.append(token)
            continue
        if part:
            pieces.append((joint, part))
            joint, part = [], []
        joint.append(token)
    if part:
        pieces.append((joint, part))
    return [(before, piece) for before, piece in pieces if not _is_aside(piece)]


def _is_aside(part: Sequence[Token]) -> bool:
    """`pls send to him`: a field that only asks nicely is no goods."""
    polite = part[0].kind is Kind.WORD and LEXICON.has_exactly("please", part[0].low)
    return polite and not any(token.number for token in part)


def _separates(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[at]
    if token.kind is Kind.GAP:
        return True
    if token.kind is Kind.BREAK:
        return not _in_worded_bracket(tokens, at)
    return (token.kind is Kind.MARK and token.text in {"+", "&", "="}) or is_word(token, "and", "plus")


def _in_worded_bracket(tokens: Sequence[Token], at: int) -> bool:
    if tokens[at].text not in {"(", ")"}:
        return False
    step = 1 if tokens[at].text == "(" else -1
    partner = ")" if step == 1 else "("
    inside = at + step
    while 0 <= inside < len(tokens) and tokens[inside].kind is Kind.WORD:
        inside += step
    return abs(inside - at) > 1 and 0 <= inside < len(tokens) and tokens[inside].text == partner


def _is_counted(part: Sequence[Token]) -> bool:
    number = part[0].number if part else None
    return number is not None and not number.is_price


def _has_figure(part: Sequence[Token], *, counted_list: bool) -> bool:
    """Whether the piece has a count or a price of its own; `iPhone 13` has not."""
    first, last = part[0], part[-1]
    if first.kind in {Kind.NUMBER, Kind.MARK} and (first.number or first.text in {TOTAL, "x", "@"}):
        return True
    if counted_list and is_word(first, "a", "an", "one"):
        return True
    if last.number and last.kind is Kind.NUMBER and last.number.value and last.number.value >= _PRICES_FROM:
        return True
    return any(_is_figure(part, at) for at in range(len(part)))


def _is_figure(part: Sequence[Token], at: int) -> bool:
    number = part[at].number if part[at].kind is Kind.NUMBER else None
    if number is None:
        return False
    before = part[at - 1] if at else None
    pointed = before is not None and (before.text.lower() in {"@", "x"} or is_word(before, "at", "each"))
    return pointed or number.is_price


def _price_for_the_rest(tokens: Sequence[Token]) -> list[list[Token]] | None:
    """`P for …`: all the rest is one description, unless a later piece has its own price."""
    at = _past_separators(tokens, 0)
    if at >= len(tokens) or tokens[at].kind is not Kind.NUMBER:
        return None
    word = _past_separators(tokens, at + 1)
    if word >= len(tokens) or not is_word(tokens[word], "for"):
        return None
    rest = list(tokens[word + 1 :])
    total_at = next((i for i, token in enumerate(rest) if token.kind is Kind.MARK and token.text == TOTAL), len(rest))
    stated = [rest[total_at : total_at + 2]] if total_at < len(rest) else []
    rest = rest[:total_at] + rest[total_at + 2 :]
    if _priced(rest):
        return None
    numbers = [token for token in rest if token.kind is Kind.NUMBER]
    if len(numbers) > 1:
        # More than one counted item for one price: the whole text is the description.
        rest = [_as_word(token) for token in rest]
    return [[tokens[at], tokens[word], *rest], *stated]


def _past_separators(tokens: Sequence[Token], at: int) -> int:
    while at < len(tokens) and tokens[at].kind in {Kind.GAP, Kind.BREAK}:
        at += 1
    return at


def _priced(rest: Sequence[Token]) -> bool:
    """Whether a later piece has its own price. A bare number right behind `for` is a count, however large."""
    return any(_is_figure(rest, at) and not (at == 0 and not _marked(rest[0].number)) for at in range(len(rest)))


def _marked(number: Number | None) -> bool:
    return number is not None and (number.marked or number.value is None)


def _as_word(token: Token) -> Token:
    if token.kind is not Kind.NUMBER:
        return token
    return Token(Kind.WORD, token.text, token.low, token.start, token.end)

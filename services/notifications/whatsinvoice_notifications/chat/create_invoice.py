"""`invoice …` in all its forms -> a draft with what it lacks."""

from collections.abc import Sequence
from datetime import date

from .contacts import Contacts
from .deductions import take_deductions
from .invoice_request import find_request
from .lexicon import LEXICON
from .lines import Goods, read_goods
from .readings import CreateInvoice, Customer, Draft, Need
from .taken import Taken
from .tokens import FOREIGN, Kind, Token, gap_of, is_word


def read_create_invoice(
    tokens: Sequence[Token], taken: Taken, *, today: date, home: str, default_currency: str
) -> CreateInvoice | None:
    """Return the draft that a message asks for; None when it asks for no invoice."""
    contacts, due = taken.contacts, taken.due
    deductions = take_deductions(due.rest, home, today)
    request = find_request(deductions.rest)
    if request is None:
        return None
    codes, goods_tokens = _take_codes(request.goods)
    goods = read_goods(goods_tokens)
    money = codes | {token.number.currency for token in tokens if token.number and token.number.currency}
    currency = _currency(money, default_currency)
    return CreateInvoice(
        Draft(
            customer=Customer(request.name, contacts.phone, contacts.email),
            currency=currency,
            lines=goods.lines,
            due_date=due.day,
            discount=deductions.discount,
            tax=deductions.tax,
            needs=tuple(_needs(request.name, contacts, goods, currency, due_asked=due.said and due.day is None)),
            withholding=deductions.withholding,
        )
    )


def _take_codes(tokens: Sequence[Token]) -> tuple[set[str], list[Token]]:
    """Money named apart from its amount: `in dollars`, `(USD)`."""
    codes: set[str] = set()
    rest: list[Token] = []
    for token in tokens:
        code = _code(token, led=bool(rest) and is_word(rest[-1], "in"))
        if code is None:
            rest.append(token)
            continue
        codes.add(code)
        cut = len(rest) - 1 if rest and is_word(rest[-1], "in") else len(rest)
        rest[cut:] = [gap_of([*rest[cut:], token])]
    return codes, rest


def _code(token: Token, *, led: bool) -> str | None:
    if token.kind is not Kind.WORD:
        return None
    code = LEXICON.value("money" if led else "codes", token.low)
    return str(code) if code else None


def _currency(money: set[str], default: str) -> str | None:
    """The one currency written, the default when none is; two, or one that is not carried, is a question."""
    if not money:
        return default
    return next(iter(money)) if len(money) == 1 and FOREIGN not in money else None


def _needs(name: str | None, contacts: Contacts, goods: Goods, currency: str | None, *, due_asked: bool) -> list[Need]:
    needs: list[Need] = []
    if name is None:
        needs.append("customer_name")
    if contacts.phone is None and (contacts.email is None or contacts.seen):
        needs.append("phone")
    needs += goods.needs
    if due_asked:
        needs.append("due_date")
    if currency is None:
        needs.append("currency")
    return needs

"""From a message to its reading: which part of the grammar is asked, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Literal

from .accounting import amount_is_doubtful, draft_is_doubtful, edit_is_doubtful
from .contacts import take_contacts
from .courtesy import is_greeting, trim, trim_greeting
from .create_invoice import read_create_invoice
from .customer_verbs import read_customer_verb
from .edit_draft import read_edit
from .invoice_refs import take_invoice_number
from .lexer import lex
from .merchant_verbs import read_merchant_verb
from .normalise import normalise
from .phrases import opens_with, says
from .readings import (
    UNKNOWN,
    Context,
    CreateInvoice,
    CustomerPayment,
    EditDraft,
    OnInvoice,
    Plain,
    Reading,
    RecordPayment,
)
from .taken import Taken, take
from .tokens import Kind, Token

Sender = Literal["merchant", "customer"]
_LONGEST = 4096  # WhatsApp's limit for a text message
_WALL = 60  # a number list or a word this long is no message
_MOST_TOKENS = 1500


def read(
    text: str, *, sender: Sender, now: datetime, home_country: str, currency: str, context: Context | None = None
) -> Reading:
    """What the message means, as far as it can be told; never raises for any text and never guesses.

    `now` is the time in the business's own zone (dates are counted from its calendar day), `home_country` the ISO 3166
    code for phones and tax, `currency` the ISO 4217 code where none is written, `context` what the bot showed last.
    """
    plain = normalise(text[:_LONGEST])
    tokens = lex(plain, home_country)
    if len(tokens) > _MOST_TOKENS or any(token.kind is Kind.WORD and len(token.text) > _WALL for token in tokens):
        return UNKNOWN
    if is_greeting(tokens):
        return Plain("greeting")
    said = trim(trim_greeting(trim(tokens)))
    question = [token for token in tokens if token.text == "?"][:1]
    if not said:
        return UNKNOWN
    if sender == "customer":
        return _command_accounted(_from_customer([*said, *question]), plain, tokens)
    return _from_merchant(plain, said, question, context, now.date(), home_country, currency)


def _command_accounted(reading: Reading, text: str, tokens: Sequence[Token]) -> Reading:
    """Take the amount out of a command whose text holds another figure, and ask for it where the command can."""
    if not isinstance(reading, RecordPayment | CustomerPayment):
        return reading
    if isinstance(reading, RecordPayment) and "amount" in reading.needs:
        return reading
    rest = take_contacts(take_invoice_number(tokens)[1]).rest
    spans = [(token.start, token.end) for token in rest if token.kind is Kind.GAP]
    if not amount_is_doubtful(text, reading.amount_minor, spans):
        return reading
    if isinstance(reading, RecordPayment):
        return replace(reading, amount_minor=None, currency=None, needs=(*reading.needs, "amount"))
    return replace(reading, amount_minor=None, currency=None)


def _created_accounted(reading: CreateInvoice, text: str, taken: Taken) -> CreateInvoice:
    """Add the question for the amount where a figure of the text is not accounted for."""
    draft = reading.draft
    if "amount" in draft.needs or not draft_is_doubtful(text, draft, taken.spans):
        return reading
    return CreateInvoice(replace(draft, needs=(*draft.needs, "amount")))


def _edit_accounted(reading: EditDraft, text: str, taken: Taken, context: Context) -> EditDraft:
    """Drop the changes of a reply that holds a figure they do not account for, and ask."""
    if not reading.changes or _answers_date(reading.changes, context):
        return reading
    if not edit_is_doubtful(text, reading.changes, context.draft, taken.spans):
        return reading
    return EditDraft({}, tuple(dict.fromkeys([*reading.needs, "amount"])))


def _answers_date(changes: Mapping[str, object], context: Context) -> bool:
    """`5 march`, where the due date was asked: the figure is the date's."""
    return context.asked == "due_date" and set(changes) == {"due_date"}


def _from_customer(tokens: Sequence[Token]) -> Reading:
    if says(_without_breaks(tokens), "help_phrase"):
        return Plain("help")
    return read_customer_verb(tokens) or (Plain("help") if _asks_for_help(tokens) else UNKNOWN)


def _asks_for_help(tokens: Sequence[Token]) -> bool:
    return says(_without_breaks(tokens), "help_phrase") or opens_with(tokens, "help_opening")


def _without_breaks(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.kind is not Kind.BREAK]


def _from_merchant(
    text: str,
    said: list[Token],
    question: list[Token],
    context: Context | None,
    today: date,
    home: str,
    currency: str,
) -> Reading:
    if context is not None and (reply := _reply_to_card(said, question, context)):
        return reply
    if _asks_for_help(said):
        return Plain("help")
    if verb := read_merchant_verb([*said, *question]):
        return _command_accounted(verb, text, said)
    taken = take(said, today)
    if created := read_create_invoice(said, taken, today=today, home=home, default_currency=currency):
        return _created_accounted(created, text, taken)
    edit = read_edit(said, taken, context, today=today, home=home) if context else None
    return _edit_accounted(edit, text, taken, context) if edit and context else UNKNOWN


def _reply_to_card(said: list[Token], question: list[Token], context: Context) -> Reading | None:
    """Send and cancel. Only the exact phrases send, only a preview can be sent, and a question never sends."""
    words = _without_breaks(said)
    if context.state == "preview" and not question and says(words, "confirm_phrase"):
        return Plain("confirm_send")
    if says(words, "cancel_draft_phrase"):
        return OnInvoice("cancel_invoice")
    return None

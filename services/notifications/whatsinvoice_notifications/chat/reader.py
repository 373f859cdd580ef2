"""From a message to its reading: which part of the grammar is asked, in which order."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from .courtesy import is_greeting, trim, trim_greeting
from .create_invoice import read_create_invoice
from .customer_verbs import read_customer_verb
from .edit_draft import read_edit
from .lexer import lex
from .merchant_verbs import read_merchant_verb
from .normalise import normalise
from .phrases import opens_with, says
from .readings import UNKNOWN, Context, OnInvoice, Plain, Reading
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
    tokens = lex(normalise(text[:_LONGEST]), home_country)
    if len(tokens) > _MOST_TOKENS or any(token.kind is Kind.WORD and len(token.text) > _WALL for token in tokens):
        return UNKNOWN
    if is_greeting(tokens):
        return Plain("greeting")
    said = trim(trim_greeting(trim(tokens)))
    question = [token for token in tokens if token.text == "?"][:1]
    if not said:
        return UNKNOWN
    if sender == "customer":
        return _from_customer([*said, *question])
    return _from_merchant(said, question, context, now.date(), home_country, currency)


def _from_customer(tokens: Sequence[Token]) -> Reading:
    if says(_without_breaks(tokens), "help_phrase"):
        return Plain("help")
    return read_customer_verb(tokens) or (Plain("help") if _asks_for_help(tokens) else UNKNOWN)


def _asks_for_help(tokens: Sequence[Token]) -> bool:
    return says(_without_breaks(tokens), "help_phrase") or opens_with(tokens, "help_opening")


def _without_breaks(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.kind is not Kind.BREAK]


def _from_merchant(
    said: list[Token], question: list[Token], context: Context | None, today: date, home: str, currency: str
) -> Reading:
    if context is not None and (reply := _reply_to_card(said, question, context)):
        return reply
    if _asks_for_help(said):
        return Plain("help")
    if verb := read_merchant_verb([*said, *question]):
        return verb
    if created := read_create_invoice(said, today=today, home=home, default_currency=currency):
        return created
    edit = read_edit(said, context, today=today, home=home) if context else None
    return edit or UNKNOWN


def _reply_to_card(said: list[Token], question: list[Token], context: Context) -> Reading | None:
    """Send and cancel. Only the exact phrases send, only a preview can be sent, and a question never sends."""
    words = _without_breaks(said)
    if context.state == "preview" and not question and says(words, "confirm_phrase"):
        return Plain("confirm_send")
    if says(words, "cancel_draft_phrase"):
        return OnInvoice("cancel_invoice")
    return None

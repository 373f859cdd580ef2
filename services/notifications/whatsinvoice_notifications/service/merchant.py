"""What a merchant is answered: drafts from chat lines, and what the buttons of a preview do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from whatsinvoice_kit.core.errors import DAILY_LIMIT_REACHED, Kind, ServiceError

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.chat import Context, CreateInvoice, Draft, EditDraft, OnInvoice, Plain, Reading, read
from whatsinvoice_notifications.clients import Invoices
from whatsinvoice_notifications.domain.inbound import Waiting
from whatsinvoice_notifications.domain.message import Content
from whatsinvoice_notifications.domain.people import Conversation, Member
from whatsinvoice_notifications.domain.rights import BUTTON_SCOPES, INTENT_SCOPES, may
from whatsinvoice_notifications.service.cards import preview_block
from whatsinvoice_notifications.service.drafts import answered

BUTTONS = ("send", "edit", "cancel")
PASSING = frozenset({Kind.UNAVAILABLE, Kind.ABORTED, Kind.RESOURCE_EXHAUSTED, Kind.UNAUTHENTICATED})
"""Errors after which the same request may succeed; a token is refused only while keys are being changed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, and what the merchant is shown from then on.

    `once` names an answer that is given a single time; whoever asks again hears `again`.
    """

    content: Content | None
    """None: nothing is said, and only what is shown changes."""
    shown: Conversation | None = None
    invoice_id: str = ""
    once: str = ""
    again: Content | None = None
    verification_id: str = ""
    """Where the answer is the one-time code of a request, which expires."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A merchant's message, and what she was shown before it."""

    waiting: Waiting
    member: Member
    contact_id: str
    shown: Conversation | None
    earlier_invoice: str = ""
    """The invoice that the edited or deleted message led to."""

    @property
    def sources(self) -> tuple[str, ...]:
        """This message, and before it those of the question that it answers."""
        before = tuple(self.shown.sources) if self.shown and self.shown.state == "question" else ()
        return (*before, self.waiting.incoming.provider_id)

    @property
    def context(self) -> Context | None:
        """For the grammar."""
        if self.shown is None or self.shown.state == "held":
            return None
        draft = Draft.from_dict(self.shown.draft)
        asked = next((need for need in draft.needs if need == self.shown.asked), None)
        return Context(self.shown.state, draft, asked)


class MerchantService:
    """Reads a merchant's message and acts on it. Raises ServiceError only where a retry may help."""

    def __init__(self, invoices: Invoices) -> None:
        self._invoices = invoices

    async def answer(self, turn: Turn, moment: datetime) -> Answer:
        """Acts (repeatably: invoices knows the keys) and says what to answer.

        `tomorrow` counts from when the message was written, which may be days ago when its webhook was late.
        """
        incoming = turn.waiting.incoming
        try:
            if incoming.kind == "button":
                return await self._tapped(turn, incoming.text)
            if incoming.kind in {"edit", "deleted"}:
                return await self._replaced(turn, moment)
            if incoming.kind == "opened":
                return Answer(texts.render("greeting", name=turn.member.name), turn.shown)
            if incoming.kind != "text":
                return Answer(texts.render("text_only", business=turn.member.business_name), turn.shown)
            return await self._on_reading(turn, _read(turn, moment))
        except ServiceError as error:
            ends_tomorrow = error.reason == DAILY_LIMIT_REACHED
            if error.kind in PASSING and not ends_tomorrow:
                raise
            name = "limit_reached" if ends_tomorrow else "refused"
            return Answer(texts.render(name, reason=reason_of(error)), turn.shown)

    async def _replaced(self, turn: Turn, moment: datetime) -> Answer:
        """Void what the earlier message led to, and read an edit as what the merchant says now."""
        incoming, shown = turn.waiting.incoming, turn.shown
        dropped = bool(turn.earlier_invoice)
        if turn.earlier_invoice:
            try:
                await self._invoices.delete_draft(turn.member, turn.earlier_invoice)
            except ServiceError as error:
                if error.kind is not Kind.NOT_FOUND:
                    return await self._not_replaced(turn, error)
            shown = _without(shown, turn.earlier_invoice)
        if shown and incoming.about in shown.sources:
            shown, dropped = None, True
        if incoming.kind == "deleted":
            return Answer(None, shown)
        now_shown = replace(turn, shown=shown)
        reading = _read(now_shown, moment)
        if dropped and not isinstance(reading, CreateInvoice):
            return Answer(texts.render("edited"), shown)
        return await self._on_reading(now_shown, reading)

    async def _not_replaced(self, turn: Turn, error: ServiceError) -> Answer:
        """The invoice was sent before the edit came: say so. A deletion stays silent."""
        answer = await self._not_a_draft(turn, turn.earlier_invoice, error, "too_late_to_edit")
        return replace(answer, content=None) if turn.waiting.incoming.kind == "deleted" else answer

    async def _on_reading(self, turn: Turn, reading: Reading) -> Answer:
        shown = turn.shown
        if not may(turn.member.role, INTENT_SCOPES.get(reading.intent, "")):
            return _forbidden(turn)
        match reading:
            case CreateInvoice(draft=draft):
                return await self._on_draft(turn, draft)
            case EditDraft() if shown and shown.state == "question":
                return await self._on_reply(turn, shown, reading)
            case Plain(intent="confirm_send") if shown:
                return await self._send(turn, shown.invoice_id)
            case OnInvoice(intent="cancel_invoice", invoice_number=None, customer=None) if shown:
                return await self._cancel(turn, shown.invoice_id)
        return _said(turn, reading)

    async def _on_draft(self, turn: Turn, draft: Draft) -> Answer:
        if draft.needs:
            return _question(turn, draft)
        if draft.withholding:
            return Answer(texts.render("no_withholding"), turn.shown)
        invoice = await self._invoices.create_draft(turn.member, draft, key=turn.waiting.id)
        content = texts.render(
            "preview",
            button_ids=_button_ids(invoice.id),
            customer=invoice.customer_name,
            phone=invoice.customer_phone,
            business=turn.member.business_name,
            block=preview_block(invoice),
        )
        shown = Conversation(
            turn.contact_id,
            turn.member.business_id,
            "preview",
            draft.to_dict(),
            invoice_id=invoice.id,
            sources=turn.sources,
        )
        return Answer(content, shown, invoice.id)

    async def _on_reply(self, turn: Turn, shown: Conversation, reading: EditDraft) -> Answer:
        draft = answered(Draft.from_dict(shown.draft), shown.asked, reading)
        if draft is None or shown.asked in reading.needs:
            return Answer(texts.render("ask_again"), shown)
        return await self._on_draft(turn, draft)

    async def _tapped(self, turn: Turn, button: str) -> Answer:
        """Buttons carry the invoice's id, so they keep working whatever was shown since."""
        action, _, invoice_id = button.partition(":")
        if not may(turn.member.role, BUTTON_SCOPES.get(action, "")):
            return _forbidden(turn)
        acts: dict[str, Callable[[Turn, str], Awaitable[Answer]]] = {"send": self._send, "cancel": self._cancel}
        if action in acts and invoice_id:
            return await acts[action](turn, invoice_id)
        if action == "edit":
            return Answer(texts.render("edit"), turn.shown)
        return _said(turn, Plain("help")) if not button else _not_understood(turn.shown)

    async def _send(self, turn: Turn, invoice_id: str) -> Answer:
        try:
            invoice = await self._invoices.issue(turn.member, invoice_id)
        except ServiceError as error:
            return await self._not_a_draft(turn, invoice_id, error, "already_sent")
        name = "issued" if invoice.customer_phone else "issued_without_phone"
        content = texts.render(
            name,
            number=invoice.number,
            customer=invoice.customer_name,
            total=invoice.money(invoice.total_minor),
            url=invoice.public_url,
        )
        again = texts.render("already_sent", number=invoice.number)
        return Answer(content, _without(turn.shown, invoice_id), invoice_id, f"issued:{invoice_id}", again)

    async def _cancel(self, turn: Turn, invoice_id: str) -> Answer:
        if invoice_id:
            try:
                await self._invoices.delete_draft(turn.member, invoice_id)
            except ServiceError as error:
                return await self._not_a_draft(turn, invoice_id, error, "too_late_to_cancel")
        return Answer(texts.render("cancelled"), _without(turn.shown, invoice_id))

    async def _not_a_draft(self, turn: Turn, invoice_id: str, error: ServiceError, name: str) -> Answer:
        """It was issued in another way, or is gone; other errors go on."""
        shown = _without(turn.shown, invoice_id)
        if error.kind is Kind.NOT_FOUND:
            return Answer(texts.render("gone"), shown)
        if error.reason != "INVOICE_NOT_DRAFT":
            raise error
        invoice = await self._invoices.get(turn.member, invoice_id)
        return Answer(texts.render(name, number=invoice.number), shown)


def _forbidden(turn: Turn) -> Answer:
    member = turn.member
    return Answer(texts.render("role_forbids", role=member.role, business=member.business_name), turn.shown)


def _read(turn: Turn, moment: datetime) -> Reading:
    member, incoming = turn.member, turn.waiting.incoming
    return read(
        incoming.text,
        sender="merchant",
        now=min(incoming.sent_at, moment).astimezone(ZoneInfo(member.time_zone)),
        home_country=member.country,
        currency=member.currency,
        context=turn.context,
    )


def reason_of(error: ServiceError) -> str:
    """In plain words: what is wrong with each field, or the message."""
    return "; ".join(dict.fromkeys(violation.message for violation in error.violations)) or error.message


def _said(turn: Turn, reading: Reading) -> Answer:
    """Answers that need nothing done."""
    match reading:
        case EditDraft():
            content = texts.render("edit")
        case Plain(intent="help"):
            content = texts.render("help_merchant", business=turn.member.business_name)
        case Plain(intent="greeting"):
            content = texts.render("greeting", name=turn.member.name)
        case Plain(intent="unknown" | "confirm_send"):
            return _not_understood(turn.shown)
        case _:
            content = texts.render("not_yet")
    return Answer(content, turn.shown)


def _question(turn: Turn, draft: Draft) -> Answer:
    need = draft.needs[0]
    unpriced = next((line.description for line in draft.lines if line.unit_price_minor is None), "")
    name = "ask_again" if need == "which_invoice" else f"ask_{need}"
    if need == "amount" and draft.lines and all(line.unit_price_minor for line in draft.lines):
        name = "ask_figures"
    content = texts.render(name, customer=draft.customer.name or "the customer", item=unpriced or "item")
    shown = Conversation(
        turn.contact_id, turn.member.business_id, "question", draft.to_dict(), asked=need, sources=turn.sources
    )
    return Answer(content, shown)


def _not_understood(shown: Conversation | None) -> Answer:
    if shown is None:
        return Answer(texts.render("unknown"))
    if shown.state == "question":
        return Answer(texts.render("ask_again"), shown)
    name = Draft.from_dict(shown.draft).customer.name or "your customer"
    ids = _button_ids(shown.invoice_id)
    return Answer(texts.render("unknown_with_preview", button_ids=ids, customer=name), shown)


def _button_ids(invoice_id: str) -> tuple[str, ...]:
    return tuple(f"{action}:{invoice_id}" for action in BUTTONS)


def _without(shown: Conversation | None, invoice_id: str) -> Conversation | None:
    """What is shown once an invoice is done with; a card of another one stays."""
    return None if shown is None or shown.invoice_id == invoice_id else shown

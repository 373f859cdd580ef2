"""Stored messages get their answer: who writes decides who answers, and nothing is left in silence."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.queue.worker import Queue, RetryLater, Taken

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.clients import Auth
from whatsinvoice_notifications.domain.billing import SentInvoice
from whatsinvoice_notifications.domain.inbound import Waiting
from whatsinvoice_notifications.domain.message import Content, Outgoing, Purpose
from whatsinvoice_notifications.domain.people import Contact, Conversation, Member, acting_place
from whatsinvoice_notifications.domain.provider_errors import backoff
from whatsinvoice_notifications.repository import (
    contacts,
    conversations,
    inbound,
    members,
    messages,
    sent_invoices,
)
from whatsinvoice_notifications.service.codes import bring_code, looks_like_a_code, tag_in
from whatsinvoice_notifications.service.holds import hold, hold_all
from whatsinvoice_notifications.service.merchant import Answer, MerchantService, Turn

log = structlog.get_logger(__name__)

ANSWERED = Counter("inbound_messages_total", "Messages to us by who wrote and what came of it", ["who", "outcome"])
TRIES = 30
"""With pauses that grow to an hour these fill the same time as PATIENCE."""
TRIES_BEFORE_NOTE = 3
"""After so many tries the merchant is told that it takes longer."""
PATIENCE = timedelta(hours=20)
"""Within the 24 hours in which an answer may still be sent."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote: a member (merchant), a customer (with her unpaid invoice, if any), or neither."""

    contact: Contact
    member: Member | None
    shown: Conversation | None
    customer: bool
    unpaid: SentInvoice | None
    held: bool = False
    """Whether the number changed hands: a member, but not to be acted for."""
    replaced: bool = False
    """Whether the message was edited or deleted before it was worked off: then the later one counts."""
    earlier_invoice: str = ""
    """The invoice that the message led to which this one edits or deletes."""
    unchosen: tuple[str, ...] = ()
    """The names of the person's businesses, where none of them is chosen, owned or the only one."""

    @property
    def asked_for_money(self) -> bool:
        """Whether the last question was for an amount, which six digits may answer."""
        return bool(self.shown and self.shown.state == "question" and self.shown.asked in {"amount", "prices"})

    @property
    def who(self) -> str:
        return "merchant" if self.member or self.unchosen else "customer" if self.customer else "stranger"


class ConversationService:
    """Answers to stored messages."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        merchants: MerchantService,
        auth: Auth,
        first_retry_seconds: float,
        public_base_url: str,
        concurrency: int,
    ) -> None:
        """`public_base_url` is where the gateway, and so the documentation of the API, is reached."""
        self._unit_of_work = unit_of_work
        self._auth = auth
        self._merchants = merchants
        self._first_retry_seconds = first_retry_seconds
        self._concurrency = concurrency
        self._docs = f"{public_base_url.rstrip('/')}/docs" if public_base_url else "the API's documentation"

    def queue(self) -> Queue:
        """Return the queue that answers stored messages, each sender's one after the other."""
        return Queue(
            inbound.MESSAGE,
            self._process,
            self._give_up,
            concurrency=self._concurrency,
            first_retry_seconds=self._first_retry_seconds,
            tries=TRIES,
        )

    async def _process(self, taken: Taken) -> None:
        async with self._unit_of_work.read() as tx:
            waiting = await inbound.waiting_message(tx, taken.key, taken.attempts)
        if waiting is None:
            return
        try:
            await self._reply(taken, waiting)
        except ServiceError as error:
            await self._later(taken, waiting, error)
        except Exception:
            await self._tell_delay(waiting)
            raise

    async def _reply(self, taken: Taken, waiting: Waiting) -> None:
        async with self._unit_of_work.begin() as tx:
            writer = await _recognise(tx, waiting, now())
        answer = await self._answer(waiting, writer)
        async with self._unit_of_work.begin() as tx:
            outcome = await _record(tx, waiting, writer, answer)
            await taken.finish(tx)
        ANSWERED.labels(writer.who, outcome).inc()

    async def _answer(self, waiting: Waiting, writer: Writer) -> Answer | None:
        """Return the answer; None where nothing is said."""
        incoming = waiting.incoming
        unheard = incoming.kind == "deleted" and (writer.held or not writer.member)
        if incoming.kind in ("silent", "changed") or writer.replaced or unheard:
            return None
        if writer.held:
            return Answer(texts.render("number_held"))
        if tag := tag_in(incoming):
            return await bring_code(self._auth, writer.contact.phone, tag)
        if looks_like_a_code(incoming.text) and not writer.asked_for_money:
            return Answer(texts.render("code_typed_here", docs=self._docs), writer.shown)
        if writer.member is None:
            return self._answer_to_others(writer)
        turn = Turn(waiting, writer.member, writer.contact.id, writer.shown, writer.earlier_invoice)
        return await self._merchants.answer(turn, now())

    def _answer_to_others(self, writer: Writer) -> Answer:
        """Answer a person without a chosen business, a customer or a stranger."""
        if writer.unchosen:
            return Answer(texts.render("choose_business", businesses=", ".join(writer.unchosen)))
        if owed := writer.unpaid:
            due = str(owed.due)
            content = texts.render(
                "customer_pay", business=owed.business_name, number=owed.number, due=due, url=owed.public_url
            )
            return Answer(content)
        if writer.customer:
            return Answer(texts.render("customer_settled"))
        return Answer(texts.render("welcome", docs=self._docs))

    async def _later(self, taken: Taken, waiting: Waiting, error: ServiceError) -> None:
        """Try again after a refusal of a service; give up when an answer could soon not be sent any more."""
        if now() - waiting.received_at > PATIENCE:
            async with self._unit_of_work.begin() as tx:
                await self._give_up(tx, taken, error.reason)
                await taken.finish(tx)
            return
        await self._tell_delay(waiting)
        ANSWERED.labels("", "postponed").inc()
        raise RetryLater(max(backoff(waiting.attempts, self._first_retry_seconds), error.retry_after), error.reason)

    async def _tell_delay(self, waiting: Waiting) -> None:
        """Tell the writer, once, that the answer takes longer."""
        if waiting.attempts >= TRIES_BEFORE_NOTE:
            async with self._unit_of_work.begin() as tx:
                await _note(tx, waiting, "wait")

    async def _give_up(self, tx: Transaction, taken: Taken, error: str) -> None:
        """End the message with its reason, and tell the writer, unless telling is what fails."""
        waiting = await inbound.waiting_message(tx, taken.key, taken.attempts)
        if waiting is None:
            return
        await inbound.finish(tx, waiting.id, f"gave up: {error}")
        ANSWERED.labels("", "gave_up").inc()
        try:
            async with tx.savepoint():
                await _note(tx, waiting, "gave_up")
        except Exception:
            log.exception("note not queued", inbound=waiting.id)


async def _note(tx: Transaction, waiting: Waiting, name: str) -> None:
    """Queue one of the notes about the answer itself, once per message."""
    writer = await _recognise(tx, waiting, now())
    note = texts.render(name)
    await _say(tx, waiting, writer, Answer(note), note, key=name)


async def _recognise(tx: Transaction, waiting: Waiting, moment: datetime) -> Writer:
    """Return who wrote; the contact's 24-hour window opens with it. Hold numbers that changed hands."""
    incoming = waiting.incoming
    sent_at = min(incoming.sent_at, moment)
    contact = await contacts.seen(tx, incoming.phone, incoming.user_id, incoming.name, sent_at)
    await hold_all(tx, contact.changed_hands)
    places, chosen = await members.places_of_phone(tx, contact.phone) if contact.phone else ([], "")
    member = acting_place(places, chosen)
    if places:
        shown = await conversations.conversation_of(tx, contact.id)
        current = shown if shown and member and shown.current(member.business_id, moment) else None
        held = bool(shown and shown.holds(moment))
        unchosen = () if member else tuple(place.business_name for place in places)
        return Writer(
            contact,
            member,
            current,
            customer=False,
            unpaid=None,
            held=held,
            unchosen=unchosen,
            replaced=await inbound.is_replaced(tx, incoming),
            earlier_invoice=await inbound.led_to(tx, incoming) if incoming.about else "",
        )
    known, unpaid = await sent_invoices.last_of(tx, contact.phone) if contact.phone else (False, None)
    return Writer(contact, None, None, known, unpaid)


async def _record(tx: Transaction, waiting: Waiting, writer: Writer, answer: Answer | None) -> str:
    outcome = "silent"
    if waiting.incoming.kind == "changed":
        outcome = "held"
        await hold(tx, writer.contact.id, waiting.incoming.text)
    elif answer is not None:
        if answer.content is not None:
            await _say(tx, waiting, writer, answer, answer.content)
            outcome = "answered"
        if writer.member and not writer.held and not answer.verification_id:
            await conversations.put_conversation(tx, writer.contact.id, answer.shown)
            if answer.shown and answer.shown.invoice_id:
                await inbound.note_invoice(tx, answer.shown.sources, answer.shown.invoice_id)
    await inbound.finish(tx, waiting.id, outcome)
    return outcome


async def _say(
    tx: Transaction, waiting: Waiting, writer: Writer, answer: Answer, content: Content, *, key: str = "answer"
) -> None:
    """Queues the answer, once per message; of an answer that is given a single time, what is said the next time."""
    outgoing = Outgoing(
        _purpose(writer, answer),
        writer.contact.id,
        answer.once or f"{key}:{waiting.id}",
        content,
        writer.member.business_id if writer.member and not answer.verification_id else "",
        answer.invoice_id,
        verification_id=answer.verification_id,
        expires_at=answer.expires_at,
    )
    if not await messages.queue(tx, outgoing) and answer.again is not None:
        again = Outgoing(
            outgoing.purpose, outgoing.contact_id, f"{key}:{waiting.id}", answer.again, outgoing.business_id
        )
        await messages.queue(tx, again)


def _purpose(writer: Writer, answer: Answer) -> Purpose:
    if answer.verification_id:
        return Purpose.ONE_TIME_CODE
    return Purpose.WELCOME if writer.who == "stranger" else Purpose.ANSWER

"""The rules of messages as plain functions: states, codes, pace, limits, sealing."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_notifications import texts
from whatsinvoice_notifications.domain.billing import Invoice, Line
from whatsinvoice_notifications.domain.message import NEXT, Attachment, Content, Message, Purpose, Status
from whatsinvoice_notifications.domain.provider_errors import ACTIONS, CODES, Action, action_for, backoff, pair_delay
from whatsinvoice_notifications.domain.rates import NUMBER_PER_SECOND, PAIR_BURST, Pace
from whatsinvoice_notifications.service.cards import preview_block

MOMENT = datetime(2026, 11, 24, 9, tzinfo=UTC)
RANK = {Status.QUEUED: 0, Status.SENT: 1, Status.DELIVERED: 2, Status.READ: 3}
KEY = "a-code-key-of-the-tests-with-32-characters"


def a_message() -> Message:
    return Message(
        id="msg_1",
        business_id="biz_1",
        invoice_id="",
        purpose=Purpose.ANSWER,
        contact_id="con_1",
        phone="+2348012345678",
        user_id="",
        window_from=None,
        dedupe_key="a",
        content=Content("hello"),
        verification_id="",
        template_only=False,
        status=Status.QUEUED,
        attempts=0,
        provider_id="",
        error_code="",
        error_title="",
        pricing=None,
        queued_at=MOMENT,
        expires_at=None,
        sent_at=None,
        delivered_at=None,
        read_at=None,
        version=1,
    )


@given(st.lists(st.sampled_from(list(Status)), max_size=12))
def test_status_never_goes_back(told: list[Status]) -> None:
    message = a_message()
    highest = 0
    for status in told:
        moved = message.told(status, MOMENT)
        assert moved.version == message.version + (moved is not message)
        message = moved
        if message.status is not Status.FAILED:
            assert RANK[message.status] >= highest
            highest = RANK[message.status]
    proven = [status for status in told if status in (Status.DELIVERED, Status.READ)]
    if proven:
        assert message.status is (Status.READ if Status.READ in proven else Status.DELIVERED)


def test_the_table_names_every_state_and_none_goes_to_itself() -> None:
    assert set(NEXT) == set(Status)
    assert all(state not in after for state, after in NEXT.items())


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (130429, Action.RETRY),
        (131000, Action.RETRY),
        (131056, Action.PAIR_DELAY),
        (80007, Action.PAUSE_ALL),
        (131047, Action.USE_TEMPLATE),
        (131026, Action.FAIL),
        (131053, Action.REUPLOAD),
        (132001, Action.FAIL),
        (190, Action.PAGE),
        (250, Action.PAGE),
        (999_999, Action.RETRY),
    ],
)
def test_what_follows_a_code(code: int, action: Action) -> None:
    assert action_for(code) is action


def test_no_code_has_two_actions() -> None:
    assert len(ACTIONS) == sum(len(codes) for codes in CODES.values())


def test_waits_grow_and_stay_bounded() -> None:
    assert [pair_delay(n) for n in (1, 2, 3)] == [1, 4, 16]
    for attempts in range(1, 60):
        assert 0 < backoff(attempts, 2.0) <= min(300.0, 2.0**attempts)


@given(st.lists(st.floats(0, 2), min_size=100, max_size=150))
def test_a_pair_never_gets_more_than_its_rate(pauses: list[float]) -> None:
    clock = 0.0
    sent: list[float] = []
    pace = Pace(lambda: clock)
    for pause in pauses:
        clock += pause
        if pace.pair_wait("con_1") == 0:
            sent.append(clock)
    for at, first in enumerate(sent):
        for number, last in enumerate(sent[at:], start=1):
            assert number <= PAIR_BURST + (last - first) / 6 + 1e-6


def test_the_number_never_sends_more_than_its_rate() -> None:
    pace = Pace(lambda: 0.0)
    waits = [pace.number_wait() for _ in range(240)]
    assert waits[79] == 0
    assert waits[80] > 0
    assert waits[239] == pytest.approx(160 / NUMBER_PER_SECOND)


@given(st.text(min_size=1, max_size=3000), st.text(min_size=1, max_size=3000))
def test_no_value_breaks_the_limits_or_cuts_the_link(customer: str, business: str) -> None:
    values = {"customer": customer, "business": business, "number": "INV-1", "total": "₦1.00", "due_date": "today"}
    content = texts.render("invoice", attachment=Attachment("inv_1"), url="https://pay.example/i/x", **values)
    assert len(content.text) <= texts.MAX_CAPTION
    assert content.text.endswith("https://pay.example/i/x")
    assert content.template
    assert all(0 < len(text) <= 1024 and "\n" not in text for text in content.template.parameters)


def test_content_survives_the_database() -> None:
    for content in (
        texts.render("one_time_code", code="482913", action="register", tag="K7PM"),
        texts.render("unknown_with_preview", button_ids=("send:1", "edit:1", "cancel:1"), customer="Jane"),
        Content("hello", attachment=Attachment(receipt_id="rcp_1")),
    ):
        assert Content.from_dict(content.to_dict()) == content


def test_a_long_preview_keeps_its_total() -> None:
    lines = tuple(Line("a very long description " * 10, "2", 500_000, 1_000_000) for _ in range(200))
    invoice = Invoice(
        "inv_1", "", True, "J" * 120, "+2348012345678", "NGN", lines, 500, 0, 199_999_500, 199_999_500,
        date(2026, 12, 24), "", False, 1,
    )  # fmt: skip
    block = preview_block(invoice)
    assert "more" in block
    assert "₦1,999,995.00" in block
    assert "24 Dec 2026" in block
    names = {"customer": "J" * 120, "business": "B" * 120, "phone": "+2348012345678"}
    card = texts.render("preview", button_ids=("a", "b", "c"), attachment=None, block=block, **names)
    assert len(card.text) <= texts.MAX_CARD
    assert card.text.endswith("24 Dec 2026")

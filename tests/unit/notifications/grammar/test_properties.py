"""What holds for any text at all."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from support.chat_lines import HERE, LabelledLine, customer, labelled_lines, merchant
from whatsinvoice_notifications.chat import Context, Customer, Draft, Line, Need

LINES = labelled_lines()
WORDS = sorted({word for line in LINES for word in line.text.split()})
FRAGMENTS = [*(HERE / "fragments.txt").read_text("utf-8").split(), " ", " ", " ", "\n"]
ANY_TEXT = (
    st.text(max_size=300)
    | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
    | st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
    | st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(lambda parts: "invoice Sam " + "".join(parts))
)
DRAFT = Draft(Customer("Ada Obi", "+2348031110001"), "NGN", (Line("logo design", "1", 4_500_000),))
QUESTIONS: tuple[Need, ...] = ("customer_name", "phone", "amount", "prices", "due_date", "currency")
CONTEXTS = [Context("preview", DRAFT), *(Context("question", DRAFT, asked) for asked in QUESTIONS)]


@settings(deadline=None)  # cores are shared; the benchmark times
@given(ANY_TEXT)
def test_nothing_is_sent_without_a_preview(text: str) -> None:
    assert merchant(text).intent != "confirm_send"
    assert customer(text).intent != "confirm_send"


@settings(deadline=None)  # cores are shared; the benchmark times
@given(ANY_TEXT, st.sampled_from(CONTEXTS))
def test_any_reply_has_a_reading_in_json(text: str, context: Context) -> None:
    reading = merchant(text, context)

    json.dumps(reading.to_dict())
    assert reading.intent != "confirm_send" or context.state == "preview"


@settings(deadline=None)  # cores are shared; the benchmark times
@given(ANY_TEXT)
def test_money_is_positive_minor_units_or_a_question(text: str) -> None:
    reading = merchant(text).to_dict()

    for line in reading.get("lines", []):
        price = line["unit_price_minor"]
        assert price is None or (isinstance(price, int) and 0 < price <= 10**13)
        if price is None:
            assert {"amount", "prices"} & set(reading["needs"])


@settings(deadline=None)  # cores are shared; the benchmark times
@given(ANY_TEXT)
def test_a_reading_is_the_same_every_time(text: str) -> None:
    assert merchant(text) == merchant(text)


@settings(deadline=None)  # cores are shared; the benchmark times
@given(st.sampled_from([line for line in LINES if line.expect["intent"] == "create_invoice"]))
def test_a_draft_survives_its_json(line: LabelledLine) -> None:
    draft = {key: value for key, value in line.expect.items() if key != "intent"}

    assert Draft.from_dict(draft).to_dict() == draft

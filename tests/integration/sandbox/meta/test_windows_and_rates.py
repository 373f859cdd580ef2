"""When a message may be sent: the 24-hour window, the pair rate, the number rate."""

from typing import Any

import pytest
from support.sandbox_stage import JANE, MERCHANT, Stage
from whatsinvoice_sandbox.meta.errors import MetaError
from whatsinvoice_sandbox.meta.rates import Rates
from whatsinvoice_sandbox.phones import WINDOW_SECONDS

TEMPLATE: dict[str, Any] = {"type": "template", "template": {"name": "hello", "language": {"code": "en"}}}


async def test_free_form_needs_a_phone_that_wrote(stage: Stage) -> None:
    answer = await stage.send()
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131047)
    await stage.write()
    assert (await stage.send()).status_code == 200


async def test_free_form_is_refused_a_day_after_the_phone_last_wrote(stage: Stage) -> None:
    await stage.write()
    phone = stage.server.world.phones.get(JANE)
    assert phone.last_wrote is not None
    phone.last_wrote -= WINDOW_SECONDS
    assert (await stage.send()).json()["error"]["code"] == 131047
    await stage.write(text="again")
    assert (await stage.send()).status_code == 200


async def test_a_template_needs_no_window_and_opens_none(stage: Stage) -> None:
    assert (await stage.send(**TEMPLATE)).status_code == 200
    assert (await stage.send()).json()["error"]["code"] == 131047


async def test_the_46th_message_at_once_to_one_phone_is_refused(stage: Stage) -> None:
    codes = [(await stage.send(**TEMPLATE)).status_code for _ in range(45)]
    assert set(codes) == {200}
    refused = await stage.send(**TEMPLATE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131056)
    assert (await stage.send(to=MERCHANT, **TEMPLATE)).status_code == 200


class Hand:
    """A clock that is set by hand, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_more_every_six_seconds_after_the_burst() -> None:
    clock = Hand()
    rates = Rates(clock)
    for _ in range(45):
        rates.take(JANE)
    clock.now = 5.9
    with pytest.raises(MetaError, match="phone number"):
        rates.take(JANE)
    clock.now = 6.0
    rates.take(JANE)
    with pytest.raises(MetaError):
        rates.take(JANE)


def test_eighty_a_second_for_the_whole_number() -> None:
    clock = Hand()
    rates = Rates(clock)
    for number in range(80):
        rates.take(str(number))
    with pytest.raises(MetaError) as refused:
        rates.take("another")
    assert refused.value.code == 130429
    clock.now = 0.5
    for number in range(40):
        rates.take(f"later {number}")
    with pytest.raises(MetaError):
        rates.take("one too many")

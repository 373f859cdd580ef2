"""WhatsApp's error codes and what we do about each. Source: Meta's table of Cloud API error codes."""

import random
from collections.abc import Mapping
from enum import Enum

FIRST_PAGED, LAST_PAGED = 200, 299
"""Codes in between are about permissions."""
LONGEST_SECONDS = 300.0
PAIR_BASE, LONGEST_PAIR_POWER = 4.0, 5
REUPLOADS = 2
PAGED_SECONDS = 300.0
PAUSE_SECONDS = 60.0


class Action(Enum):
    """What follows a refusal."""

    RETRY = "retry"
    PAIR_DELAY = "pair_delay"
    PAUSE_ALL = "pause_all"
    USE_TEMPLATE = "use_template"
    REUPLOAD = "reupload"
    PAGE = "page"
    """Nothing can be sent until a person has helped; the message waits."""
    FAIL = "fail"


CODES: Mapping[Action, tuple[int, ...]] = {
    Action.RETRY: (130429, 131000, 131016, 131057, 1, 2, 133004),
    Action.PAIR_DELAY: (131056,),
    Action.PAUSE_ALL: (80007, 4, 133016),
    Action.USE_TEMPLATE: (131047,),
    Action.REUPLOAD: (131052, 131053),
    Action.PAGE: (131031, 368, 130497, 131042, 131045, 131037, 131048, 190, 0, 3, 10),
    Action.FAIL: (
        *(131026, 131049, 131050, 130472, 131063, 131051),
        *(131008, 131009, 100, 131021, 131030, 131062),
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069),
    ),
}
ACTIONS: Mapping[int, Action] = {code: action for action, codes in CODES.items() for code in codes}


def action_for(code: int) -> Action:
    """Permission codes are a whole range; a code that nobody has documented is tried again until the message is old."""
    if FIRST_PAGED <= code <= LAST_PAGED:
        return Action.PAGE
    return ACTIONS.get(code, Action.RETRY)


def backoff(attempts: int, first_seconds: float) -> float:
    """Seconds before the next attempt: doubled each time up to five minutes, the upper half of it by chance."""
    ceiling = min(LONGEST_SECONDS, first_seconds * 2.0 ** min(attempts - 1, 20))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  spreads retries, guards nothing


def pair_delay(attempts: int) -> float:
    """Seconds after the pair limit was hit: 4^n, n = 0, 1, 2, … (Meta), with n held at 5."""
    return float(PAIR_BASE ** min(attempts - 1, LONGEST_PAIR_POWER))

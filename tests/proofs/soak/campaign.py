"""One run: payments go on while webhooks are dropped, copied, late and false, Redis is emptied and the worker dies."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from proofs.soak.truth import Comparison, Sides
from proofs.soak.worker import mortal_payments
from redis import Redis
from support.payers import UNLIMITED, Opened, Payers
from support.stacks import running_stack

PAYERS = 6
SMALLEST, LARGEST = 100_000, 90_000_000
LATE_SHARE, REFUND_SHARE, DISPUTE_SHARE = 0.05, 0.05, 0.02
LATE_SECONDS = 8.0
"""A refund at the provider takes about four, at the stack's time scale."""
KILL_SECONDS = 6.0
PATIENCE_SECONDS = 180.0
SETTINGS = {
    "PAYMENTS_WEBHOOK_RETRY_SECONDS": "0.5",
    "PAYMENTS_RECONCILE_SECONDS": "1",
    # the first check of an attempt after six seconds, the last one after two hours and a half
    "PAYMENTS_RECONCILE_SCALE": "0.02",
}


def _fault(fault: str, rate: float, seed: int, **how: Any) -> dict[str, Any]:
    return {"provider": "paystack", "call": "webhook", "fault": fault, "rate": rate, "seed": seed, **how}


@dataclass
class Soak:
    """`say` is told what goes on."""

    count: int
    seed: int
    say: Callable[[str], None]
    figures: dict[str, int] = field(default_factory=dict)

    def run(self) -> list[Comparison]:
        """What was found at the end: the quarantine, the books beside it, and the books after all of it is released."""
        with running_stack(**UNLIMITED) as stack:
            payers = Payers(stack, self.count, each=max(self.count // 20, 1), phones=False)
            sides = Sides(payers.database, payers.sandbox)
            try:
                with mortal_payments(stack, KILL_SECONDS, SETTINGS) as worker:
                    worker.start()
                    self._pay_all(payers, Redis.from_url(stack.state.env["REDIS_URL"]))
                    self._give_back(payers, sides)
                    worker.spare()
                    self.figures["worker killed"] = worker.killed
                    self._settle(sides)
                    return [sides.compare_quarantine(), sides.compare(), self._released(payers, sides)]
            finally:
                payers.close()

    def _pay_all(self, payers: Payers, redis: "Redis") -> None:
        late = int(self.count * LATE_SHARE)
        first = (self.count - late) // 2
        dice = random.Random(self.seed)  # noqa: S311  (repeatable, guards nothing)
        prices = [dice.randrange(SMALLEST, LARGEST) for _ in range(self.count)]
        self._arm(payers, _fault("drop", 0.1, self.seed), _fault("lie", 0.02, self.seed + 1))
        self._pay(payers, range(first), prices)
        redis.flushall()
        self._arm(payers, _fault("delay", 1.0, self.seed, event="charge.success", seconds=LATE_SECONDS))
        for opened in self._pay(payers, range(first, first + late), prices):
            self._refund_at_provider(payers, opened, prices[opened.number] // (1 + opened.number % 2))
        self._arm(payers, _fault("drop", 0.1, self.seed + 2), _fault("lie", 0.02, self.seed + 3))
        rest = range(first + late, self.count)
        half = len(rest) // 2
        self._pay(payers, rest[:half], prices)
        redis.flushall()
        self._pay(payers, rest[half:], prices)
        self.figures |= {"payments": self.count, "refunded before they were heard of": late, "Redis emptied": 2}

    def _arm(self, payers: Payers, *faults: dict[str, Any]) -> None:
        """Beside these, every webhook is sent five times, and out of order."""
        always = (_fault("duplicate", 1.0, self.seed, copies=5), _fault("reorder", 0.5, self.seed, seconds=1.0))
        payers.sandbox.put("/_control/faults", json=[*faults, *always]).raise_for_status()

    def _pay(self, payers: Payers, numbers: Sequence[int], prices: Sequence[int]) -> list[Opened]:
        started = time.monotonic()
        with ThreadPoolExecutor(PAYERS) as threads:
            opened = list(threads.map(lambda number: payers.pay(number, prices[number]), numbers))
        seconds = time.monotonic() - started
        self.say(f"{len(opened)} paid in {seconds:.0f} s, {len(opened) / seconds:.0f} a second")
        return opened

    @staticmethod
    def _refund_at_provider(payers: Payers, opened: Opened, amount: int) -> None:
        """In the provider's dashboard, as it were: we have not heard of the charge yet."""
        headers = {"authorization": f"Bearer {payers.env['PAYSTACK_SECRET_KEY']}"}
        body = {"transaction": opened.reference, "amount": amount}
        payers.sandbox.post("/paystack/refund", json=body, headers=headers).raise_for_status()

    def _give_back(self, payers: Payers, sides: Sides) -> None:
        """Refunds by the merchants and disputes by the payers' banks, of payments that have been settled."""
        self._await("payments settled", lambda: sides.waiting().get("payments under way", 0))
        refunds, disputes = int(self.count * REFUND_SHARE), int(self.count * DISPUTE_SHARE)
        settled = sides.settled()
        dice = random.Random(self.seed)  # noqa: S311  (as above)
        chosen = dice.sample(settled, min(refunds + disputes, len(settled)))
        with ThreadPoolExecutor(PAYERS) as threads:
            list(threads.map(lambda payment: self._refund(payers, payment), chosen[:refunds]))
            list(threads.map(lambda payment: self._dispute(payers, payment), chosen[refunds:]))
        self.figures |= {"refunds by merchants": refunds, "disputes": len(chosen) - refunds}

    @staticmethod
    def _refund(payers: Payers, payment: dict[str, Any]) -> None:
        whole = int(payment["settled_minor"])
        number = payers.number_of(payment["business_id"])
        body = {"amount_minor": whole // (1 + whole % 2)}
        answer = payers.ask(f"/v1/payments/{payment['id']}/refunds", number, fresh=True, json=body)
        assert answer.status_code == 201, answer.text

    @staticmethod
    def _dispute(payers: Payers, payment: dict[str, Any]) -> None:
        opened = payers.sandbox.post("/_control/disputes", json={"reference": payment["reference"]})
        opened.raise_for_status()
        resolution = "auto-accepted" if payment["settled_minor"] % 2 else "declined"
        path = f"/_control/disputes/{opened.json()['id']}"
        payers.sandbox.post(path, json={"resolution": resolution}).raise_for_status()

    def _settle(self, sides: Sides) -> None:
        self._await("nothing is on its way", lambda: sum(sides.waiting().values()))

    def _released(self, payers: Payers, sides: Sides) -> Comparison:
        """After a person has let every held payment go on."""
        held = sides.quarantined()
        for payment in held:
            path = f"/v1/payments/{payment['id']}/release"
            answer = payers.ask(path, payers.number_of(payment["business_id"]))
            assert answer.status_code == 200, answer.text
        self._settle(sides)
        found = sides.compare()
        found.row("payments left in quarantine", len(sides.quarantined()), 0)
        self.figures["payments held and released"] = len(held)
        return found

    def _await(self, what: str, left: Callable[[], int]) -> None:
        """Fails when nothing moves any more."""
        started, least, moved = time.monotonic(), -1, time.monotonic()
        while count := left():
            if least < 0 or count < least:
                least, moved = count, time.monotonic()
            assert time.monotonic() - moved < PATIENCE_SECONDS, f"{what}: {count} are left, and no fewer"
            time.sleep(0.5)
        self.say(f"{what} after {time.monotonic() - started:.0f} s")


def table(comparisons: Iterable[Comparison]) -> str:
    """What was compared, ours beside the truth."""
    rows = [("", "ours", "the truth"), *(tuple(map(str, row)) for found in comparisons for row in found.rows)]
    return "\n".join(f"{what:45} {ours:>20} {theirs:>20}" for what, ours, theirs in rows)

"""Our payments against the provider's own list of them: money that one side has and the other has not, or otherwise."""

from dataclasses import dataclass

from whatsinvoice_payments.domain.breach import Breach
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus
from whatsinvoice_payments.domain.payment import Status

THEY_HAVE, WE_HAVE, DIFFERS = "provider_has_more", "provider_has_less", "provider_differs"
CHECKS = (THEY_HAVE, WE_HAVE, DIFFERS)
CAPTURED = frozenset({ChargeStatus.SUCCESS, ChargeStatus.REVERSED})


@dataclass(frozen=True, slots=True)
class Known:
    """A payment by the provider's name of it; minor units."""

    id: str
    business_id: str
    reference: str
    status: Status
    currency: str
    paid_minor: int
    fees_minor: int
    settled_minor: int | None


def compared(charge: Charge, known: Known | None) -> Breach | None:
    """What a transaction of the provider's says other than our payment; None when they agree."""
    money = f"{charge.paid_minor} {charge.currency}"
    if known is None:
        if charge.status not in CAPTURED:
            return None
        return Breach(THEY_HAVE, "", (charge.reference,), f"the provider has {money}, and we do not know of it")
    if charge.status not in CAPTURED:
        if known.settled_minor is None:
            return None
        return _breach(WE_HAVE, known, f"counts {known.settled_minor}, and the provider captured nothing")
    if known.settled_minor is None:
        kept = known.status in (Status.QUARANTINED, Status.REVERSED) or charge.status is ChargeStatus.REVERSED
        return None if kept else _breach(THEY_HAVE, known, f"is {known.status.value}, and the provider has {money}")
    return _captured_by_both(charge, known, money)


def unheard_of(known: Known) -> Breach:
    """A payment that counts here and is not in the provider's list."""
    return _breach(WE_HAVE, known, f"counts {known.settled_minor} {known.currency}, and the provider does not list it")


def _captured_by_both(charge: Charge, known: Known, money: str) -> Breach | None:
    ours, theirs = (
        (known.paid_minor, known.fees_minor, known.currency),
        (charge.paid_minor, charge.fees_minor, charge.currency),
    )
    if ours != theirs:
        said = f"was paid {known.paid_minor} {known.currency} with fees of {known.fees_minor}"
        return _breach(DIFFERS, known, f"{said}, the provider says {money} with fees of {charge.fees_minor}")
    if charge.status is ChargeStatus.REVERSED and known.status is Status.SUCCEEDED:
        return _breach(DIFFERS, known, "counts, and the provider has reversed it")
    return None


def _breach(check: str, known: Known, said: str) -> Breach:
    return Breach(check, known.business_id, (known.id, known.reference), said)

"""What money that goes back to its payer writes into the ledger. Each set sums to zero; amounts in minor units.

`held`: the payment counts for no invoice, so what goes back is its payer's credit and not due again.
"""

from collections.abc import Sequence
from dataclasses import replace

from whatsinvoice_payments.domain.ledger import Account, Posting, postings_of_success


def capture_held(paid_minor: int, fees_minor: int) -> list[Posting]:
    """A payment that counts for no invoice, when money of it is to go back: until then it is its payer's credit."""
    return _in_place_of_receivable(postings_of_success(paid_minor, paid_minor, fees_minor))


def refund_sent(amount_minor: int) -> list[Posting]:
    """The provider has taken it out of what it owes."""
    return [Posting(Account.REFUNDS, amount_minor), Posting(Account.PAYSTACK_CLEARING, -amount_minor)]


def refund_failed(amount_minor: int) -> list[Posting]:
    """The provider owes it again."""
    return [Posting(Account.PAYSTACK_CLEARING, amount_minor), Posting(Account.REFUNDS, -amount_minor)]


def refund_processed(amount_minor: int, counted_minor: int, *, held: bool) -> list[Posting]:
    """The payer has it: what of it had counted for the invoice is due again, the rest she had paid as fees."""
    return _gone_back(Account.REFUNDS, amount_minor, counted_minor, held=held)


def refund_kept(amount_minor: int, counted_minor: int) -> list[Posting]:
    """A refund that leaves the invoice paid: what had counted stays in refunds, what was paid as fees does not."""
    return _summed(
        [Posting(Account.FEES, amount_minor - counted_minor), Posting(Account.REFUNDS, counted_minor - amount_minor)]
    )


def dispute_opened(amount_minor: int) -> list[Posting]:
    """The provider keeps back what is disputed."""
    return [Posting(Account.DISPUTES, amount_minor), Posting(Account.PAYSTACK_CLEARING, -amount_minor)]


def dispute_resolved(amount_minor: int, lost_minor: int, counted_minor: int, *, held: bool) -> list[Posting]:
    """Of what was kept back, a part went to the payer, as a refund does, and the provider owes the rest again."""
    owed = amount_minor - lost_minor
    lost = _gone_back(Account.DISPUTES, lost_minor, counted_minor, held=held)
    back = [Posting(Account.PAYSTACK_CLEARING, owed), Posting(Account.DISPUTES, -owed)]
    return _summed(lost + back)


def reversal(amount_minor: int, counted_minor: int, *, held: bool) -> list[Posting]:
    """The provider took it back of its own accord."""
    return _gone_back(Account.PAYSTACK_CLEARING, amount_minor, counted_minor, held=held)


def _gone_back(account: Account, amount_minor: int, counted_minor: int, *, held: bool) -> list[Posting]:
    postings = [
        Posting(Account.RECEIVABLE, amount_minor if held else counted_minor),
        Posting(Account.FEES, 0 if held else amount_minor - counted_minor),
        Posting(account, -amount_minor),
    ]
    return _summed(_in_place_of_receivable(postings) if held else postings)


def _in_place_of_receivable(postings: Sequence[Posting]) -> list[Posting]:
    return [
        replace(posting, account=Account.CUSTOMER_CREDIT) if posting.account is Account.RECEIVABLE else posting
        for posting in postings
    ]


def _summed(postings: Sequence[Posting]) -> list[Posting]:
    """One posting an account, none of nothing."""
    sums: dict[Account, int] = {}
    for posting in postings:
        sums[posting.account] = sums.get(posting.account, 0) + posting.amount_minor
    return [Posting(account, amount) for account, amount in sums.items() if amount]

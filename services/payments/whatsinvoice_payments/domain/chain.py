"""The ledger's chain: what of an entry is hashed, and whether a stretch of a business's chain is what was written.

The database links sets as they commit (migration 0008_chain). Here the same hash is computed by other means, so that
neither a changed row nor a changed function in the database agrees with itself.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from whatsinvoice_payments.domain.breach import Breach

START = bytes(32)
"""What the first set of a business is linked to."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with every value that is hashed."""

    id: str
    business_id: str
    entry_set_id: str
    purpose: str
    account: str
    currency: str
    amount_minor: int
    payment_id: str
    invoice_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """A set's place in the chain of its business; positions begin at 1."""

    business_id: str
    position: int
    entry_set_id: str
    entries: int
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ended at some moment; position 0: nothing was linked yet."""

    business_id: str
    position: int
    hash: bytes


def text_of(entry: Written) -> str:
    """Each value behind its length in bytes; a moment as whole microseconds since 1970."""
    microseconds = (entry.created_at - _EPOCH) // timedelta(microseconds=1)
    values = (
        entry.id,
        entry.business_id,
        entry.entry_set_id,
        entry.purpose,
        entry.account,
        entry.currency,
        str(entry.amount_minor),
        entry.payment_id,
        entry.invoice_id,
        str(microseconds),
    )
    return "".join(f"{len(value.encode())}:{value}," for value in values)


def hash_of(previous: bytes, entries: Sequence[Written]) -> bytes:
    """SHA-256 of the hash before and the set's entries in the order of their ids, byte by byte."""
    ordered = sorted(entries, key=lambda entry: entry.id.encode())
    return hashlib.sha256(previous + "".join(map(text_of, ordered)).encode()).digest()


def broken_links(
    before: Head, links: Sequence[Link], entries: Mapping[str, Sequence[Written]], business_id: str
) -> list[Breach]:
    """What is wrong in a stretch of one chain that begins after `before`; `entries` by set id."""
    found = []
    position, expected = before.position, before.hash
    for link in links:
        there = entries.get(link.entry_set_id, ())
        if link.position != position + 1:
            found.append(_breach(business_id, link.entry_set_id, f"position {position + 1} is missing before it"))
        elif link.previous_hash != expected:
            found.append(_breach(business_id, link.entry_set_id, f"position {link.position} is linked to another hash"))
        if len(there) != link.entries:
            said = f"has {len(there)} entries and had {link.entries}"
            found.append(_breach(business_id, link.entry_set_id, said, there))
        elif hash_of(link.previous_hash, there) != link.hash:
            found.append(_breach(business_id, link.entry_set_id, "its entries are not those that were linked", there))
        position, expected = link.position, link.hash
    return found


def broken_end(head: Head, last: Head) -> list[Breach]:
    """A head that is not where the chain ends; `last` is made of the newest set there is."""
    if (head.position, head.hash) == (last.position, last.hash):
        return []
    said = f"its head is at position {head.position}, and its newest set at {last.position}"
    return [Breach("chain_broken", head.business_id, (), said)]


def against_anchor(anchor: Head, there: bytes | None, ends_at: int) -> list[Breach]:
    """A chain that lacks, or has changed, what an anchor remembers; `there` is the hash at the anchor's position."""
    if there == anchor.hash or anchor.position == 0:
        return []
    said = f"an anchor knows position {anchor.position}, and the chain ends at {ends_at}"
    if there is not None:
        said = f"position {anchor.position} has another hash than when it was anchored"
    return [Breach("chain_cut", anchor.business_id, (), said)]


def digest_of(heads: Sequence[Head]) -> str:
    """One hash over heads in the order of their businesses, lower-case hex; equal when all of them are."""
    ordered = sorted(heads, key=lambda head: head.business_id.encode())
    return hashlib.sha256("".join(map(line_of, ordered)).encode()).hexdigest()


def line_of(head: Head) -> str:
    """As backups and anchors write it: `<business id> <position> <hash>`."""
    return f"{head.business_id} {head.position} {head.hash.hex()}\n"


def read_head(line: str) -> Head:
    """From such a line; ValueError for any other."""
    business_id, position, digest = line.split()
    return Head(business_id, int(position), bytes.fromhex(digest))


def _breach(business_id: str, entry_set_id: str, said: str, entries: Sequence[Written] = ()) -> Breach:
    return Breach("chain_broken", business_id, (entry_set_id, *(entry.id for entry in entries)), said)

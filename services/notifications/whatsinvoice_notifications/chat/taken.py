"""What is taken out of a message before its goods are read: phones, e-mails and due dates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from .contacts import Contacts, take_contacts
from .due import Due, take_due
from .tokens import Kind, Token


@dataclass(frozen=True, slots=True)
class Taken:
    contacts: Contacts
    due: Due

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where they stand in the normalised text."""
        return [(token.start, token.end) for token in self.due.rest if token.kind is Kind.GAP]


def take(tokens: Sequence[Token], today: date) -> Taken:
    """Take them out; what remains is `due.rest`."""
    contacts = take_contacts(tokens)
    return Taken(contacts, take_due(contacts.rest, today))

"""Bodies of customers."""

from datetime import datetime

from pydantic import Field
from whatsinvoice.invoices.v1 import invoices_pb2 as pb

from whatsinvoice_gateway.schemas.base import Incoming, Outgoing, moment


class CustomerIn(Incoming):
    name: str = Field(min_length=1, max_length=120)
    phone: str | None = Field(default=None, min_length=4, max_length=24)
    email: str | None = Field(default=None, min_length=3, max_length=254)

    def message(self) -> pb.CustomerInput:
        return pb.CustomerInput(name=self.name, phone=self.phone or "", email=self.email or "")


class CustomerOut(Outgoing):
    id: str
    name: str
    phone: str | None
    email: str | None
    created_at: datetime | None
    version: int

    @classmethod
    def of(cls, message: pb.Customer) -> "CustomerOut":
        return cls(
            id=message.id,
            name=message.name,
            phone=message.phone or None,
            email=message.email or None,
            created_at=moment(message, "create_time"),
            version=message.version,
        )

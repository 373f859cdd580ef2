"""What invoices knows of a business, told by auth."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Business:
    """`time_zone` is an IANA name; `phone` is its owner's."""

    id: str
    name: str
    country: str
    currency: str
    time_zone: str
    phone: str
    version: int

    def local(self, moment: datetime) -> datetime:
        """The moment on the business's clock."""
        return moment.astimezone(ZoneInfo(self.time_zone))

    def day(self, moment: datetime) -> date:
        """The day in the business's calendar."""
        return self.local(moment).date()

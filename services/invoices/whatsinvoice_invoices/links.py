"""Public addresses of invoices and receipts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Links:
    """`base` is where the gateway is reached from outside, without a slash at the end."""

    base: str

    def invoice(self, token: str) -> str:
        """The pay page; empty for a draft, which has no token."""
        return f"{self.base}/i/{token}" if token else ""

    def pdf(self, token: str) -> str:
        """The invoice's PDF; empty for a draft."""
        return f"{self.base}/i/{token}/pdf" if token else ""

    def receipt(self, token: str) -> str:
        """The receipt page."""
        return f"{self.base}/r/{token}"

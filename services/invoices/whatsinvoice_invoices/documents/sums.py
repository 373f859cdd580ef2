"""The sums at the foot of an invoice, and its lines as rows: the same on the invoice and in the evidence pack."""

from whatsinvoice_invoices.documents.glyphs import drawable, drawable_lines
from whatsinvoice_invoices.documents.model import InvoiceDocument, Line
from whatsinvoice_invoices.documents.money import written_amount


def sums_of(document: InvoiceDocument) -> list[tuple[str, str]]:
    """Return label and amount of each sum. With taxes in the prices they are named below the total that holds them."""

    def money(minor: int) -> str:
        return written_amount(minor, document.currency)

    inclusive = document.prices_include_tax and bool(document.taxes)
    taxes = [(drawable(label), money(minor)) for label, minor in document.taxes]
    rows = [("Subtotal, tax included" if inclusive else "Subtotal", money(document.subtotal_minor))]
    if document.discount_minor:
        rows.append(("Discount", money(-document.discount_minor)))
    rows += [] if inclusive else taxes
    rows.append(("Total", money(document.total_minor)))
    rows += [(f"of which {label}", amount) for label, amount in taxes] if inclusive else []
    if document.paid_minor:
        rows.append(("Paid", money(-document.paid_minor)))
    if document.refunded_minor:
        rows.append(("Refunded since", money(document.refunded_minor)))
    if document.credit_minor:
        rows.append(("Paid beyond that, kept as credit", money(document.credit_minor)))
    return rows


def row_of(line: Line, currency: str, narrow: int) -> list[list[str] | str]:
    """Return the cells of a line: its description in lines of text, quantity, unit price, amount."""
    notes = [line.tax_label] if line.tax_label else []
    if line.discount_minor:
        notes.insert(0, f"less {written_amount(line.discount_minor, currency)} discount")
    described = drawable_lines(line.description, narrow)
    return [
        [*described, *([drawable(", ".join(notes))] if notes else [])],
        drawable(line.quantity),
        written_amount(line.unit_price_minor, currency),
        written_amount(line.total_minor, currency),
    ]

"""A customer as Paystack writes it inside other things."""

from typing import Any

from whatsinvoice_sandbox.paystack.customers import Customer


def customer_view(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "customer_code": customer.code,
        "phone": customer.phone,
        "metadata": customer.metadata,
        "risk_action": "default",
        "international_format_phone": customer.phone,
    }

"""WhatsApp in and out: one-time codes, the chat with merchants and customers, invoices and receipts as messages.

RPCs: whatsinvoice.notifications.v1.NotificationsService. Events out: MessageSent, MessageDelivered, MessageRead,
MessageFailed. Events in: auth's MemberChanged, PlaceChosen, MemberInvited,
CodeRequested, AccountRecovered, GuessingDetected; invoices' InvoiceIssued, InvoicePaymentRecorded, InvoicePaid,
InvoiceReversalRecorded, InvoiceVoided, TransferClaimed; payments' PaymentFailed, RefundUpdated, DisputeOpened,
DisputeResolved, PayoutAccountChanged.
Calls: auth (one-time codes when they are sent), invoices (drafts, issuing, documents) and WhatsApp's Cloud API.
"""

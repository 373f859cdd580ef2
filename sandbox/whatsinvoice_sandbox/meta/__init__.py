"""WhatsApp Cloud API as its clients meet it: messages, media, templates, limits, signed webhooks."""

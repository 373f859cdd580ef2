"""How long auth keeps what it no longer needs: requests for codes, ended sessions, old invitations and devices."""

from collections.abc import Sequence

from whatsinvoice_kit.data.retention import RetentionRule

from whatsinvoice_auth.models import INVITATIONS, KNOWN_DEVICES, REVOCATIONS, SESSIONS, VERIFICATIONS

RULES: Sequence[RetentionRule] = (
    # both stay longer than anything looks at them
    RetentionRule("verifications", VERIFICATIONS, VERIFICATIONS.c.requested_at, 2),
    RetentionRule("revocations", REVOCATIONS, REVOCATIONS.c.expires_at, 2),
    RetentionRule("invitations", INVITATIONS, INVITATIONS.c.expires_at, 90),
    RetentionRule("sessions", SESSIONS, SESSIONS.c.expires_at, 90),
    RetentionRule("known_devices", KNOWN_DEVICES, KNOWN_DEVICES.c.used_at, 400),
)

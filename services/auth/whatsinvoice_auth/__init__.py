"""People, businesses, members, sessions, API keys and one-time codes.

RPCs: whatsinvoice.auth.v1.AuthService. Events out: BusinessRegistered, PhoneVerified, MemberChanged, SessionRevoked.
Events in: none.
Calls: notifications (one-time codes only).
"""

"""People, businesses, members, sessions and one-time codes.

RPCs: whatsinvoice.auth.v1.AuthService. Events out: BusinessRegistered, PhoneVerified, MemberChanged. Events in: none.
Calls: notifications (one-time codes only).
"""

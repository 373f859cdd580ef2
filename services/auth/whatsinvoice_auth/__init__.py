"""People, businesses, members and invitations, sessions, API keys and one-time codes.

RPCs: whatsinvoice.auth.v1.AuthService. Events out: BusinessRegistered, BusinessChanged, PhoneVerified, MemberChanged,
PlaceChosen, MemberInvited, CodeRequested, AccountRecovered, GuessingDetected, SessionRevoked. Events in: none.
Calls: nobody.
"""

"""gRPC <-> use cases, and who may call them."""

from whatsinvoice.auth.v1 import auth_pb2_grpc
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_auth.servicer.business import BusinessRpcs
from whatsinvoice_auth.servicer.part import UseCases
from whatsinvoice_auth.servicer.places import PlaceRpcs
from whatsinvoice_auth.servicer.registration import RegistrationRpcs
from whatsinvoice_auth.servicer.sessions import SessionRpcs

__all__ = ["ACCESS", "AuthServicer", "UseCases"]

ACCESS: AccessTable = {
    "Register": allow("gateway"),
    "VerifyPhone": allow("gateway"),
    "ResendCode": allow("gateway"),
    "ForgotPassword": allow("gateway"),
    "ResetPassword": allow("gateway"),
    "Login": allow("gateway"),
    "Refresh": allow("gateway"),
    "GetCode": allow("notifications"),
    "ClaimVerification": allow("notifications"),
    "GetKeySet": allow("gateway"),
    "WatchRevocations": allow("gateway"),
    "ExchangeApiKey": allow("gateway"),
    "GetMe": allow(scope="business:read"),
    "Logout": allow(scope="account:self"),
    "LogoutAll": allow(scope="account:self"),
    "ListSessions": allow(scope="account:self"),
    "EndSession": allow(scope="account:self"),
    "RequestConfirmation": allow(scope="account:self"),
    "Confirm": allow(scope="account:self"),
    "ChangePassword": allow(scope="account:self"),
    "GetBusiness": allow(scope="business:read"),
    "UpdateBusiness": allow(scope="business:write"),
    "ListMembers": allow(scope="members:read"),
    "InviteMember": allow(scope="members:write", fresh=True),
    "ChangeMemberRole": allow(scope="members:write", fresh=True),
    "RemoveMember": allow(scope="members:write", fresh=True),
    "ListInvitations": allow(scope="account:self"),
    "AcceptInvitation": allow(scope="account:self"),
    "DeclineInvitation": allow(scope="account:self"),
    "ListBusinesses": allow(scope="account:self"),
    "SwitchBusiness": allow(scope="account:self"),
    "LeaveBusiness": allow(scope="account:self"),
    "CreateApiKey": allow(scope="keys:write", fresh=True),
    "ListApiKeys": allow(scope="keys:write"),
    "RevokeApiKey": allow(scope="keys:write", fresh=True),
}


class AuthServicer(RegistrationRpcs, SessionRpcs, BusinessRpcs, PlaceRpcs, auth_pb2_grpc.AuthServiceServicer):
    """whatsinvoice.auth.v1.AuthService."""

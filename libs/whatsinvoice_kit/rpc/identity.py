"""Who may call what: the proof in the call's metadata, and the table that each service declares beside its servicer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from whatsinvoice_kit.core.errors import Kind, ServiceError, unauthenticated
from whatsinvoice_kit.core.roles import FRESH_PROOF, SCOPES_OF_ROLE
from whatsinvoice_kit.rpc.call import Identity
from whatsinvoice_kit.rpc.keys import SigningKeys
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, Jwk, Verifier, sign

SERVICE_TOKEN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call one RPC: services on their own, people by scope, and services on the word of such a person."""

    services: frozenset[str] = frozenset()
    scope: str = ""
    """Of people; nobody may call it when it is empty."""
    through: frozenset[str] = frozenset()
    """Services that may call it for a person whose role holds the scope."""
    fresh: bool = False
    """Whether a person must have confirmed within five minutes; API keys never may, unless `keys` lets them."""
    keys: bool = False

    def allows(self, identity: Identity) -> bool:
        """Return whether this caller may call the RPC."""
        holds = bool(self.scope) and self.scope in identity.scopes
        if identity.kind != "service":
            return holds
        if identity.person_id:
            return holds and identity.subject in self.through
        return identity.subject in self.services

    def proven(self, identity: Identity) -> bool:
        """Return whether this caller, who holds the scope, brings the proof that the RPC asks for."""
        if not self.fresh or identity.kind == "service":
            return True
        return FRESH_PROOF in identity.scopes or (self.keys and identity.by_api_key)


def allow(
    *services: str, scope: str = "", through: Sequence[str] = (), fresh: bool = False, keys: bool = False
) -> Access:
    """`allow("gateway")`, `allow(scope="invoices:write", through=("notifications",))`."""
    return Access(frozenset(services), scope, frozenset(through), fresh, keys)


AccessTable = Mapping[str, Access]
"""RPC name (IssueInvoice) -> who may call it."""


def authenticate(verifier: Verifier, authorization: str) -> Identity:
    """The identity behind an authorization value; UNAUTHENTICATED without a good bearer token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated("TOKEN_MISSING", "a bearer token is required")
    claims = verifier.verify(token)
    if claims.issuer == USER_ISSUER:
        return Identity(
            "user",
            claims.subject,
            claims.business_id,
            claims.session_id,
            claims.scopes,
            daily_refund_minor=claims.daily_refund_minor,
        )
    service = claims.issuer.removeprefix("whatsinvoice-")
    if not claims.person_id:
        return Identity("service", service, claims.business_id)
    scopes = frozenset(SCOPES_OF_ROLE.get(claims.role, ()))
    return Identity("service", service, claims.business_id, scopes=scopes, person_id=claims.person_id)


def authorize(table: AccessTable, rpc: str, identity: Identity) -> None:
    """PERMISSION_DENIED unless the table lets this caller call this RPC; an RPC that is not in it is nobody's."""
    access = table.get(rpc)
    if access is None or not access.allows(identity):
        message = f"the caller may not call {rpc}"
        if access is not None and access.scope and identity.kind == "user":
            message = f"this needs the scope {access.scope}"
        raise ServiceError(Kind.PERMISSION_DENIED, "NOT_ALLOWED", message)
    if not access.proven(identity):
        message = "this needs fresh proof: confirm by password or code (POST /v1/auth/confirm), then use that token"
        raise ServiceError(Kind.PERMISSION_DENIED, "FRESH_PROOF_REQUIRED", message)


class ServiceIdentity:
    """A service's own keys, and the tokens that it signs: one minute, one callee, one business."""

    def __init__(self, service: str, keys: SigningKeys | Jwk) -> None:
        self._service = service
        self._keys = keys if isinstance(keys, SigningKeys) else SigningKeys.of(keys)

    @property
    def kid(self) -> str:
        """Of the key that signs now: a token of another should be kept no longer."""
        return str(self._keys.current()["kid"])

    def token(self, callee: str, business_id: str = "", *, person_id: str = "", role: str = "") -> str:
        """Return a fresh token for one callee (`invoices`), naming the business that this service acts for, if any.

        When it acts on a person's word, the token names that person and the role in the business: the callee checks the
        role's scopes as it does for the API.
        """
        issuer = f"whatsinvoice-{self._service}"
        named = {"biz": business_id, "act": person_id, "role": role}
        claims = {name: value for name, value in named.items() if value}
        audience = f"whatsinvoice-{callee}"
        return sign(
            self._keys.current(),
            issuer=issuer,
            audience=audience,
            subject=issuer,
            seconds=SERVICE_TOKEN_SECONDS,
            **claims,
        )

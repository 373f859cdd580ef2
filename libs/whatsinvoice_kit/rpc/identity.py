"""Who may call what: the proof in the call's metadata, and the table that each service declares beside its servicer."""

from collections.abc import Mapping
from dataclasses import dataclass

from whatsinvoice_kit.core.errors import Kind, ServiceError, unauthenticated
from whatsinvoice_kit.rpc.call import Identity
from whatsinvoice_kit.rpc.keys import SigningKeys
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, Jwk, Verifier, sign

SERVICE_TOKEN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call one RPC: services by name, and users whose token holds the scope (none may when it is empty)."""

    services: frozenset[str] = frozenset()
    scope: str = ""

    def allows(self, identity: Identity) -> bool:
        if identity.kind == "service":
            return identity.subject in self.services
        return bool(self.scope) and self.scope in identity.scopes


def allow(*services: str, scope: str = "") -> Access:
    """`allow("gateway")`, `allow("notifications", scope="invoices:write")`."""
    return Access(frozenset(services), scope)


AccessTable = Mapping[str, Access]
"""RPC name (IssueInvoice) -> who may call it."""


def authenticate(verifier: Verifier, authorization: str) -> Identity:
    """The identity behind an authorization value; UNAUTHENTICATED without a good bearer token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated("TOKEN_MISSING", "a bearer token is required")
    claims = verifier.verify(token)
    if claims.issuer == USER_ISSUER:
        return Identity("user", claims.subject, claims.business_id, claims.session_id, claims.scopes)
    return Identity("service", claims.issuer.removeprefix("whatsinvoice-"), claims.business_id)


def authorize(table: AccessTable, rpc: str, identity: Identity) -> None:
    """PERMISSION_DENIED unless the table lets this caller call this RPC; an RPC that is not in it is nobody's."""
    access = table.get(rpc)
    if access is None or not access.allows(identity):
        raise ServiceError(Kind.PERMISSION_DENIED, "NOT_ALLOWED", f"the caller may not call {rpc}")


class ServiceIdentity:
    """A service's own keys, and the tokens that it signs: one minute, one callee, one business."""

    def __init__(self, service: str, keys: SigningKeys | Jwk) -> None:
        self._service = service
        self._keys = keys if isinstance(keys, SigningKeys) else SigningKeys.of(keys)

    @property
    def kid(self) -> str:
        """Of the key that signs now: a token of another should be kept no longer."""
        return str(self._keys.current()["kid"])

    def token(self, callee: str, business_id: str = "") -> str:
        """A fresh token for one callee (`invoices`), naming the business that this service acts for, if any."""
        issuer = f"whatsinvoice-{self._service}"
        claims = {"biz": business_id} if business_id else {}
        audience = f"whatsinvoice-{callee}"
        return sign(
            self._keys.current(),
            issuer=issuer,
            audience=audience,
            subject=issuer,
            seconds=SERVICE_TOKEN_SECONDS,
            **claims,
        )

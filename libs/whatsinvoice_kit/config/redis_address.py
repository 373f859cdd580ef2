"""Where Redis is and how it is run: REDIS_URL read as one server, a Sentinel's service, or a cluster."""

import re
import ssl
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

Mode = Literal["standalone", "sentinel", "cluster"]
_ADDRESS = re.compile(
    r"redis(?P<tls>s?)(\+(?P<mode>sentinel|cluster))?://(?P<servers>[^/?#]*)(?P<path>[^?#]*)(\?(?P<query>[^#]*))?(#.*)?",
    re.IGNORECASE,
)
"""By ourselves: urlsplit takes one server, and of late refuses several where one is IPv6 in brackets."""
_MODES: dict[str, Mode] = {"": "standalone", "sentinel": "sentinel", "cluster": "cluster"}
_PORTS: dict[Mode, int] = {"standalone": 6379, "sentinel": 26379, "cluster": 6379}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """`nodes` are the server itself, the Sentinels, or those members of a cluster that are asked for all others."""

    mode: Mode
    tls: bool
    nodes: tuple[tuple[str, int], ...]
    username: str = ""
    password: str = field(default="", repr=False)
    db: int = 0
    service: str = ""
    """The name under which Sentinels know the master."""
    ca_file: str = ""
    """The authority whose certificates are believed; empty: those that the system believes."""
    sentinel_password: str = field(default="", repr=False)
    """Of the Sentinels themselves; empty: they take the servers' user and password."""

    @classmethod
    def parse(cls, url: str) -> "RedisAddress":
        """Of `redis://`, `redis+sentinel://…/0?service=name`, `redis+cluster://` with several nodes, or `rediss…`.

        Raises:
            ValueError: what is wrong, without any of the text, which holds a password.
        """
        if not url:
            raise ValueError("is missing")
        parts = _ADDRESS.fullmatch(url)
        if parts is None:
            raise ValueError("is none of redis://, redis+sentinel:// and redis+cluster://, with rediss for TLS")
        mode = _MODES[(parts["mode"] or "").lower()]
        account, _, hosts = parts["servers"].rpartition("@")
        if {"[", "]"} & set(account):  # RFC 3986, section 3.2.1: to be written as %5B and %5D
            raise ValueError("is no address")
        username, _, password = account.partition(":")
        nodes = tuple(_node(host, _PORTS[mode]) for host in hosts.split(","))
        if mode == "standalone" and len(nodes) > 1:
            raise ValueError("names several servers without +sentinel or +cluster")
        query = parse_qs(parts["query"] or "")
        if mode == "sentinel" and len(query.get("service", ())) != 1:
            raise ValueError("names no ?service= that Sentinels know")
        if query.keys() - ({"service"} if mode == "sentinel" else set()):
            raise ValueError("has options after ? that are not known")
        db = _database(parts["path"])
        if mode == "cluster" and db:
            raise ValueError("names a database, and a cluster has only 0")
        service = query["service"][0] if mode == "sentinel" else ""
        return cls(mode, bool(parts["tls"]), nodes, unquote(username), unquote(password), db, service)

    def trusting(self, ca_file: str, sentinel_password: str) -> "RedisAddress":
        """The same with what REDIS_URL does not say."""
        return replace(self, ca_file=ca_file, sentinel_password=sentinel_password)

    def account(self) -> dict[str, Any]:
        """redis-py's options of a connection to a server: who we are, and TLS."""
        given = {"username": self.username, "password": self.password}
        return {name: value for name, value in given.items() if value} | self._tls()

    def sentinel_account(self) -> dict[str, Any]:
        """The same for the Sentinels."""
        if not self.sentinel_password:
            return self.account()
        return {"username": None, "password": self.sentinel_password} | self._tls()

    def _tls(self) -> dict[str, Any]:
        return {"ssl": True, "ssl_ca_certs": self.ca_file or None} if self.tls else {}

    def unusable(self) -> str:
        """Why the file of authorities cannot be used; empty when it can, or there is none."""
        if not self.ca_file:
            return ""
        try:
            ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            return getattr(error, "reason", None) or error.strerror or type(error).__name__
        return ""


def _node(text: str, port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        found = parts.hostname, parts.port or port
    except ValueError:
        found = None, 0
    if not found[0]:
        raise ValueError("names no host")
    return found[0], found[1]


def _database(path: str) -> int:
    number = path.strip("/")
    if number and not number.isdecimal():
        raise ValueError("has a database that is no number")
    return int(number or 0)

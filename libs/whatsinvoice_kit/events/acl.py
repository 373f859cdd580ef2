"""What each Redis user may do: a service writes its own stream alone, and reads, acknowledges and claims the others.

The rules are those of Redis 7's ACLs with selectors; every server of an installation gets the same ones.
"""

from collections.abc import Mapping

SERVICES = ("auth", "invoices", "payments", "notifications")
GATEWAY = "gateway"
_NOTHING = "resetkeys resetchannels -@all"
_CONNECT = (
    "+@connection +command +info +multi +exec +discard +readonly +readwrite +asking"
    " +cluster|slots +cluster|shards +cluster|nodes +cluster|info"
)
_OWN = "+@stream +@scripting +get +set +del +exists +memory|usage"
_READ = (
    "+xreadgroup +xread +xack +xclaim +xautoclaim +xpending +xlen +xrange +xrevrange"
    " +xinfo|stream +xinfo|groups +xinfo|consumers +xgroup|create +xgroup|createconsumer +xgroup|delconsumer"
)
_ASIDE = "+xadd +xrange +xlen +xdel +xinfo|stream"
_COUNT = "+@read +@write +@scripting -@dangerous -scan -randomkey +info"


def rules_of(user: str) -> str:
    """Return the rules of one user, without its password."""
    if user == GATEWAY:
        return f"{_NOTHING} {_CONNECT} {_COUNT} ~LIMITS* ~gateway* ~{{LIMITS* ~{{gateway*"
    stream = f"whatsinvoice.{user}.v1"
    own = f"~{stream} ~{{{stream}}}.*"
    dead = f"~{{whatsinvoice.*.v1}}.dead.{user}"
    return f"{_NOTHING} {_CONNECT} {_OWN} {own} ({_READ} ~whatsinvoice.*.v1) ({_ASIDE} {dead})"


def configuration(passwords: Mapping[str, str]) -> str:
    """Return the lines of redis.conf that make the users. `passwords`: user -> password, letters and digits."""
    return "".join(f"user {user} on >{passwords[user]} {rules_of(user)}\n" for user in (*SERVICES, GATEWAY))

"""Row-level security: Postgres itself shows a transaction the rows of one business, whatever a repository forgets.

Every table with a `business_id` has a policy that compares it with the setting `app.business_id`. Without one, nothing
is seen. The outbox is left out: it is the relay's own, and no RPC reads it.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from whatsinvoice_kit.rpc.call import serving_call

SETTING = "app.business_id"
EVERY = "*"
NONE = ""

_SET = text(f"SELECT set_config('{SETTING}', :visible, :local)")
_HELD = "visible"


def visible_to_call() -> str:
    """The business that the current call acts for; all of them for the service's own work, and for a service that
    acts for nobody (a pay link, a webhook, a login), whom the access table has let in.

    A call that is not proven yet sees none.
    """
    call = serving_call()
    if call is None:
        return EVERY
    identity = call.identity
    if identity is None or identity.business_id == EVERY:
        return NONE
    return identity.business_id or (EVERY if identity.kind == "service" else NONE)


async def tell_session(connection: AsyncConnection, visible: str) -> None:
    """Sets what a connection sees while it commits by itself; costs nothing when it sees that already."""
    if connection.info.get(_HELD) != visible:
        await connection.execute(_SET, {"visible": visible, "local": False})
        connection.info[_HELD] = visible


async def tell_transaction(connection: AsyncConnection, visible: str) -> None:
    """Sets what a transaction sees, until its end."""
    if connection.info.get(_HELD) != visible:
        await connection.execute(_SET, {"visible": visible, "local": True})


def policy_statements(schema: str, table: str, column: str = "business_id") -> list[str]:
    """What makes a table show the rows of one business alone, to its owner too. For migrations."""
    seen = f"current_setting('{SETTING}', true)"
    rule = f"{column} = nullif({seen}, '') OR {seen} = '{EVERY}'"
    return [
        f"ALTER TABLE {schema}.{table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {schema}.{table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY one_business ON {schema}.{table} USING ({rule}) WITH CHECK ({rule})",
    ]

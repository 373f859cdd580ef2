"""Postgres, Valkey and SeaweedFS from the package index, run on 127.0.0.1 without Docker and without root.

Each server owns one folder: its data, its generated password (mode 600), the ports it was given, its log and its
`process.json`. Starting a folder whose server already runs gives that server back; any process may stop it. Linux
only, since a process is recognised by /proc.
"""

from whatsinvoice_local.backing.postgres import Postgres, discard_postgres, start_postgres, stop_postgres
from whatsinvoice_local.backing.processes import BackingError
from whatsinvoice_local.backing.seaweedfs import SeaweedFS, start_seaweedfs, stop_seaweedfs
from whatsinvoice_local.backing.valkey import Valkey, start_valkey, stop_valkey

__all__ = [
    "BackingError",
    "Postgres",
    "SeaweedFS",
    "Valkey",
    "discard_postgres",
    "start_postgres",
    "start_seaweedfs",
    "start_valkey",
    "stop_postgres",
    "stop_seaweedfs",
    "stop_valkey",
]

"""Servers that stay up for a whole run, in a process of their own: prints one place per line, stops when stdin ends."""

import json
import sys

from support.servers import Servers


def main() -> None:
    servers = Servers()
    try:
        for _ in range(int(sys.argv[1])):
            sys.stdout.write(json.dumps(servers.place()) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        servers.stop()


if __name__ == "__main__":
    main()

"""Writes gateway/openapi.json, the committed snapshot of the public contract."""

import json
from pathlib import Path

from pydantic import SecretStr
from whatsinvoice_gateway.app import create_app
from whatsinvoice_gateway.settings import Settings

NOBODY = "127.0.0.1:1"


def main() -> None:
    """No service is called: the document is made of the routes alone."""
    settings = Settings(
        auth_grpc=NOBODY,
        invoices_grpc=NOBODY,
        payments_grpc=NOBODY,
        notifications_grpc=NOBODY,
        redis_url=SecretStr(f"redis://{NOBODY}"),
    )
    text = json.dumps(create_app(settings, {}).openapi(), indent=2, ensure_ascii=False)
    (Path(__file__).parent / "openapi.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

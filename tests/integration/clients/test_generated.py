"""The generated clients hold the whole contract, and their types refuse what the gateway would."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

from support.root import ROOT

BIN = Path(sys.executable).parent
TYPESCRIPT = ROOT / "clients" / "typescript"
CONTRACT = json.loads((ROOT / "gateway" / "openapi.json").read_text())
OPERATIONS = [
    (path, method, operation) for path, methods in CONTRACT["paths"].items() for method, operation in methods.items()
]

RIGHT_PYTHON = """
from whatsinvoice_client import AuthenticatedClient
from whatsinvoice_client.api.invoices import create_invoice
from whatsinvoice_client.models import InvoiceIn, InvoiceOut, LineIn, Problem
from support.root import ROOT

def total(client: AuthenticatedClient) -> int:
    answer = create_invoice.sync(client=client, body=InvoiceIn([LineIn("Logo design", 100)]))
    if isinstance(answer, Problem):
        raise ValueError(answer.code)
    return answer.total_minor if answer else 0
"""


def test_python_has_every_operation() -> None:
    for _, _, operation in OPERATIONS:
        module = importlib.import_module(f"whatsinvoice_client.api.{operation['tags'][0]}.{operation['operationId']}")
        assert callable(module.sync_detailed)


def test_typescript_has_every_operation() -> None:
    schema = TYPESCRIPT / "src" / "schema.ts"
    assert schema.is_file(), "run `make clients`"
    text = schema.read_text()
    assert [path for path, _, _ in OPERATIONS if f'"{path}": {{' not in text] == []
    assert [
        operation["operationId"] for *_, operation in OPERATIONS if f"{operation['operationId']}: {{" not in text
    ] == []


def _output_of(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_mypy_passes_what_is_right_and_refuses_what_is_wrong() -> None:
    def checked(code: str) -> str:
        return _output_of(str(BIN / "mypy"), "--no-error-summary", "-c", code)

    assert checked(RIGHT_PYTHON) == ""
    assert "Unexpected keyword argument" in checked(RIGHT_PYTHON.replace("100)", "100, colour='red')"))
    assert "Missing positional argument" in checked(RIGHT_PYTHON.replace(", 100)", ")"))
    assert '"Problem" has no attribute' in checked(RIGHT_PYTHON.replace("answer.code", "answer.total_minor"))


def test_tsc_passes_the_example_and_refuses_what_is_wrong() -> None:
    """tests/refused.ts marks each line that must be refused, and tsc fails where one is not."""
    compiler = str(TYPESCRIPT / "node_modules" / "typescript" / "bin" / "tsc")
    assert Path(compiler).is_file(), "run `make clients`"
    assert _output_of(str(BIN / "node"), compiler, "--noEmit", "--project", str(TYPESCRIPT)) == ""
    assert (TYPESCRIPT / "tests" / "refused.ts").read_text().count("// @ts-expect-error") > 5


def test_the_npm_lock_holds_hashes_and_no_address() -> None:
    packages = json.loads((TYPESCRIPT / "package-lock.json").read_text())["packages"]
    locked = [package for name, package in packages.items() if name]
    assert len(locked) > 10
    assert all(package["integrity"].startswith("sha512-") for package in locked)
    assert not any("resolved" in package for package in locked)

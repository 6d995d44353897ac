"""SSH key pairs on disk: ours for a bank, the simulator's for its front."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko import Ed25519Key

from ledger.core.private import opened, private_folder


def ensure_ed25519_key(path: Path) -> str:
    """Make an ed25519 key pair at `path` (0600) unless there is one; returns its public line `type base64`."""
    if not path.exists():
        private = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
        )
        private_folder(path.parent)
        with opened(path, "xb") as file:
            file.write(private)
    key = Ed25519Key.from_private_key_file(path)
    return f"{key.get_name()} {key.get_base64()}"

"""Keys for tests, and OpenSSL as the one who uses them."""

import subprocess
from pathlib import Path

KEY = Path(__file__).parent.parent / "golden" / "sigstruct" / "key.pem"
"""A key that everybody knows."""


def openssl(*args: str | Path, data: bytes | None = None) -> bytes:
    """Run `openssl ARGS`; returns what it wrote to standard output."""
    # Not inherited: the input of a test run is nobody's answer to a question.
    result = subprocess.run(
        ["openssl", *args], check=False, input=data or b"", capture_output=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def public_key(private: Path, target: Path) -> Path:
    """Write the public key of a private one."""
    openssl("pkey", "-in", private, "-pubout", "-out", target)
    return target


def modulus_of(private: Path) -> int:
    """The modulus, as OpenSSL tells it."""
    return int(openssl("rsa", "-in", private, "-noout", "-modulus").split(b"=")[1], 16)


def signature(private: Path, message: bytes) -> int:
    """The signature of a message, as OpenSSL makes it."""
    return int.from_bytes(openssl("dgst", "-sha256", "-sign", private, data=message), "big")

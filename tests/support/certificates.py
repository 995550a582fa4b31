"""Certificates for tests, made with openssl, and client contexts that trust them."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Pair:
    """A self-signed certificate of 127.0.0.1 and its key, in a directory."""

    def __init__(self, directory: Path, name: str = "one") -> None:
        self.certificate = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(self.key), "-out", str(self.certificate)),
            ],
            check=True,
            capture_output=True,
        )

    @property
    def settings(self) -> dict[str, str]:
        return {"tls_cert_file": str(self.certificate), "tls_key_file": str(self.key)}

    def trusting(self) -> ssl.SSLContext:
        """The context of a client that trusts this certificate and no other."""
        return ssl.create_default_context(cafile=self.certificate)

    def replace_by(self, other: Pair) -> None:
        """Have the other's content from now on."""
        self.certificate.write_bytes(other.certificate.read_bytes())
        self.key.write_bytes(other.key.read_bytes())

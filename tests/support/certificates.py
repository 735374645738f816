"""Certificates for tests, made by openssl: an authority, and what it signs for names and addresses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


class Authority:
    """Signs certificates in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key = directory / "ca.crt", directory / "ca.key"
        self._openssl(
            *("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.certificate, "-days", "2"),
            *("-subj", "/CN=Scout tests", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def signed(self, name: str, alternative: str) -> tuple[Path, Path]:
        """A certificate and its key, good for e.g. `IP:127.0.0.1`."""
        certificate, key, request = (self._directory / f"{name}.{ending}" for ending in ("crt", "key", "csr"))
        extensions = self._directory / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName={alternative}\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n", encoding="utf-8"
        )
        self._openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        self._openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial"),
            *("-out", certificate, "-days", "2", "-extfile", extensions),
        )
        return certificate, key

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        program = shutil.which("openssl")
        assert program, "expected openssl: apt-get install openssl"
        subprocess.run([program, *arguments], check=True, capture_output=True)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

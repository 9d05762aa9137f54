"""TLS with the certificate of the settings."""

from __future__ import annotations

import ssl
from pathlib import Path

from velox._wire import WireSettings
from velox.errors import ConfigurationError

__all__ = ["tls_context"]

ENCRYPTED = "the private key is encrypted, and a server has nobody to ask for its passphrase"
PEM_HINT = "Give the certificate with its chain, and its private key without a passphrase, both as PEM files."


def tls_context(settings: WireSettings) -> ssl.SSLContext | None:
    """TLS 1.2 and 1.3 as ``settings`` want it; ``None`` for plain HTTP.

    Raises:
        ConfigurationError: VX305, when certificate or key cannot be used.
    """
    certificate, key = settings.ssl_certificate, settings.ssl_key
    if certificate is None:
        if key is not None:
            raise unusable(f"ssl_key is {key}, but there is no ssl_certificate", "Set both, or none.")
        return None
    for name, path in (("ssl_certificate", certificate), ("ssl_key", key)):
        if path is not None:
            check_readable(name, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=refuse_passphrase)
    except (ssl.SSLError, ValueError) as error:
        raise explained(error, certificate, key) from error
    return context


def check_readable(name: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        hint = f"Correct {name} (VELOX_{name.upper()}), or the file's rights."
        raise unusable(f"{name} {path} cannot be read: {error.strerror}", hint) from error


def refuse_passphrase() -> str:
    raise ValueError(ENCRYPTED)


def explained(error: Exception, certificate: Path, key: Path | None) -> ConfigurationError:
    """OpenSSL says of most mistakes only that there is one, so what can be found out is."""
    where = f"certificate {certificate} and key {key}" if key is not None else f"certificate and key {certificate}"
    if b"-----BEGIN CERTIFICATE-----" not in certificate.read_bytes():
        return unusable(f"ssl_certificate {certificate} has no certificate in PEM form", PEM_HINT)
    if b"PRIVATE KEY-----" not in (key or certificate).read_bytes():
        return unusable(f"{key or certificate} has no private key in PEM form", PEM_HINT)
    damaged = "one of them is damaged, or they do not belong together"
    return unusable(f"{where} cannot be used: {damaged if isinstance(error, OSError) else error}", PEM_HINT)


def unusable(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX305", message, hint=hint)

"""TLS for a desk with a name of its own: a certificate authority in the home, good for one name.

Passkeys need a name that browsers trust. No public authority is asked: names of a closed network
are nobody's business. The authority's certificate says itself that it may vouch for the desk's
name and nothing else (RFC 5280 §4.2.1.10), so that a browser which trusts it trusts no more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from detente.core.errors import LocalError, MachineError, Refusal
from detente.store.private import write_private

AUTHORITY: Final = "authority.crt"
AUTHORITY_KEY: Final = "authority.key"
SERVER: Final = "server.pem"  # key and certificate
AUTHORITY_DAYS: Final = 3652
SERVER_DAYS: Final = 825  # the most that browsers take of an authority that people have added
RENEW_DAYS: Final = 90  # before the end; a desk is started anew more often than that
EARLIER_S: Final = 3600  # for browsers whose clock is behind


def make_authority(folder: Path, host: str, now_s: int) -> str:
    """Makes authority and server certificate in a folder of a home; returns the authority's
    SHA-256, which whoever imports it compares. Keys are for the owner alone."""
    key = ec.generate_private_key(ec.SECP256R1())  # what every browser takes
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Detente desk {host}"[:64])])
    made = (
        _builder(name, name, key.public_key(), now_s, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[x509.DNSName(host)],
                excluded_subtrees=[
                    x509.IPAddress(IPv4Network("0.0.0.0/0")),
                    x509.IPAddress(IPv6Network("::/0")),
                ],
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(folder / AUTHORITY_KEY, _private(key))
    write_private(folder / AUTHORITY, made.public_bytes(serialization.Encoding.PEM))
    issue(folder, host, now_s)
    return made.fingerprint(hashes.SHA256()).hex()


def issue(folder: Path, host: str, now_s: int) -> None:
    """A new key and certificate for the server. LocalError NOT_FOUND, MALFORMED: no authority."""
    authority = _certificate(folder / AUTHORITY)
    signer = _key(folder / AUTHORITY_KEY)
    key = ec.generate_private_key(ec.SECP256R1())
    left_days = (authority.not_valid_after_utc - _moment(now_s)).days
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    made = (
        _builder(name, authority.subject, key.public_key(), now_s, min(SERVER_DAYS, left_days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .sign(signer, hashes.SHA256())
    )
    # One file: a certificate never stands beside another one's key, whenever this is cut short.
    chain = made.public_bytes(serialization.Encoding.PEM)
    write_private(folder / SERVER, _private(key) + chain)


def renew_if_due(folder: Path, host: str, now_s: int) -> bool:
    """Issues a new server certificate when the old one ends soon, or is lost; says whether."""
    if (folder / SERVER).exists():
        ends = _certificate(folder / SERVER).not_valid_after_utc
        if ends - _moment(now_s) > timedelta(days=RENEW_DAYS):
            return False
    issue(folder, host, now_s)
    return True


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now_s: int,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(now_s - EARLIER_S))
        .not_valid_after(_moment(now_s - EARLIER_S) + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _moment(at_s: int) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LocalError(Refusal.NOT_FOUND, f"{path} is missing") from None
    except OSError as error:
        raise MachineError(Refusal.DISK, f"{path}: {error.strerror}") from error


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise LocalError(Refusal.MALFORMED, f"{path} is no certificate") from None


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        found = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise LocalError(Refusal.MALFORMED, f"{path} is no key of ours")
    return found

"""Certificates of a test's own."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NO = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
_SIGNS = x509.KeyUsage(key_cert_sign=True, crl_sign=True, **_NO)


class Authority:
    """What issues them; `pem` is what they are checked with."""

    def __init__(self) -> None:
        """Make its own key and certificate."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("bluegreen's tests")
        self._certificate = self._signed(
            self._name, self._key, x509.BasicConstraints(ca=True, path_length=0), timedelta(days=9)
        )
        self.pem = _pem(self._certificate)

    def issue(self, hosts: Sequence[str], days: float = 60) -> tuple[str, str]:
        """A certificate for these hosts (names or addresses), and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [_general(host) for host in hosts]
        made = self._signed(
            _named(hosts[0]), key, x509.SubjectAlternativeName(names), timedelta(days=days)
        )
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        text = key.private_bytes(*form, serialization.NoEncryption()).decode()
        return _pem(made), text

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        length: timedelta,
    ) -> x509.Certificate:
        begin = datetime.now(UTC) - timedelta(days=1)
        is_authority = isinstance(extension, x509.BasicConstraints)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=1) + length)
            .add_extension(extension, critical=is_authority)
            # Python 3.13 wants these.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(issuer, False)
        )
        if is_authority:
            made = made.add_extension(_SIGNS, True)
        return made.sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

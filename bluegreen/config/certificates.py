"""Certificates as PEM text: what they are for, until when, and whether a key fits.

cryptography is imported where it is used: it is a tenth of what a program takes to load, and few
stacks have certificates of their own.
"""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Leaf

PEM = "-----BEGIN "


class Unreadable(ValueError):
    """It is no certificate, or no key; says what is wrong."""


@dataclass(frozen=True)
class Certificate:
    """What a certificate says of itself: the hosts that it is for, and its time."""

    names: tuple[str, ...]
    begins: datetime
    ends: datetime

    def covers(self, host: str) -> bool:
        """Whether it is for this host."""
        parent = f"*.{host.partition('.')[2]}"
        return host in self.names or parent in self.names

    def missing(self, hosts: Collection[str]) -> list[str]:
        """Of these hosts, those that it is not for."""
        return [host for host in hosts if not self.covers(host)]

    def days_left(self, now: datetime | None = None) -> float:
        """Days until its end; negative after it."""
        return (self.ends - (now or datetime.now(UTC))).total_seconds() / 86_400


def read_certificate(pem: str) -> Certificate:
    """What the first certificate of a chain says; raises Unreadable."""
    from cryptography import x509

    leaf = _leaf(pem)
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(each) for each in found.get_values_for_type(x509.DNSName)]
        names += [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    except x509.ExtensionNotFound:
        names = []
    return Certificate(tuple(names), leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def fits(pem: str, key: str) -> bool:
    """Whether a key is that of the certificate; raises Unreadable."""
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError) as error:
        what = "has a password" if isinstance(error, TypeError) else "is not a private key in PEM"
        raise Unreadable(what) from None
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(*form) == _leaf(pem).public_key().public_bytes(*form)


def _leaf(pem: str) -> "Leaf":
    from cryptography import x509
    from cryptography.utils import CryptographyDeprecationWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_pem_x509_certificates(pem.encode())[0]
    except ValueError:
        raise Unreadable("is not a certificate in PEM") from None

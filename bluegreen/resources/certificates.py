"""Certificates in the edges: given by config, or asked for by ACME.

A given certificate is put there under a name of its own, and nginx is told: nobody is cut off, and
no release is needed. By ACME only the hosts are put there; another container sees to the rest
(nginx/acme.sh).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from bluegreen.config.settings import Place, Tls
from bluegreen.docker.shell import Shell
from bluegreen.edge import scripts
from bluegreen.edge.opened import each, open_edges
from bluegreen.edge.secured import GIVEN
from bluegreen.edge.services import read_services
from bluegreen.edge.state import keys_of, tls_of
from bluegreen.platforms.dynamic import Provider
from bluegreen.release.order import places_from, tell

_COMPARED = ("service", "edges", "holders", "certificate", "key", "hosts")


class CertificatesProvider(Provider):
    """Puts them there, and takes them away."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """For another certificate, other hosts, or edges that were made anew."""
        return DiffResult(changes=any(_olds.get(each) != _news.get(each) for each in _COMPARED))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Put them in all edges that answer."""
        _put(props)
        return CreateResult(id_=props["service"], outs=props)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Put them in all edges that answer."""
        _put(_news)
        return UpdateResult(outs=_news)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Take them away where the edge is there; by ACME, they are kept beside it."""
        service = _props["service"]
        places = [
            place for place in places_from(_props["edges"]) if read_services(place) is not None
        ]
        with open_edges(places, 0) as opened:
            away = f"rm -rf {tls_of(service)} {keys_of(service)}"
            each(opened.shells, lambda shell: shell.check(away, timeout=60))


def _put(props: Mapping[str, Any]) -> None:
    with open_edges(places_from(props["edges"]), int(props["required"])) as opened:
        for edge, trouble in opened.missed.items():
            tell(f"{edge} has no new certificate: {trouble}. Next: `pulumi up` when it is back")
        each(opened.shells, lambda shell: _put_in(shell, props))


def _put_in(shell: Shell, props: Mapping[str, Any]) -> None:
    service = str(props["service"])
    tls, keys = tls_of(service), keys_of(service)
    shell.check(f"mkdir -p {tls} && mkdir -p -m 700 {keys}")
    hosts = "".join(f"{host}\n" for host in props["hosts"])
    if hosts:
        shell.check(scripts.script("edge", known={}) + "\nown_keys")
        shell.write(f"{tls}/wanted", hosts)
        return
    certificate, key = str(props["certificate"]), str(props["key"])
    name = f"{GIVEN}-{sha256((certificate + key).encode()).hexdigest()[:12]}"
    shell.write(f"{tls}/{name}.pem", certificate)
    shell.check(f"umask 077; : >{keys}/{name}.pem")
    shell.write(f"{keys}/{name}.pem", key)
    shell.check(scripts.certify(service, name), timeout=60)


class Certificates(Resource, module="bluegreen", name="Certificates"):
    """The certificates of a service's hosts, in the edges."""

    def __init__(
        self,
        name: str,
        *,
        service: str,
        edges: Sequence[Place],
        required: int,
        holders: pulumi.Input[str],
        tls: Tls,
        hosts: Sequence[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Declare them.

        Args:
            name: of the resource.
            service: prefix of everything the stack makes in Docker.
            edges: where all edges are.
            required: so many of them have to answer.
            holders: which edges these are: one that is made anew has no certificate.
            tls: how the service has TLS.
            hosts: by ACME, each gets one.
            opts: resource options.
        """
        inputs: dict[str, Any] = {
            "service": service,
            "edges": [asdict(place) for place in edges],
            "required": required,
            "holders": holders,
            "certificate": tls.certificate,
            "key": pulumi.Output.secret(tls.key),
            "hosts": list(hosts) if tls.acme else [],
        }
        kept = pulumi.ResourceOptions(additional_secret_outputs=["key"])
        merged = pulumi.ResourceOptions.merge(opts, kept)
        super().__init__(CertificatesProvider(), name, inputs, merged)

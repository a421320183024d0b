"""Proxies in front: whether config trusts an address that every client may come from."""

import ipaddress
from collections.abc import Iterator

from bluegreen.config.settings import Docker, Settings
from bluegreen.docker.shell import ask

# Docker's own pools for networks (docs.docker.com/engine/network, "Default address pools").
_POOLS = [f"172.{number}.0.0/16" for number in range(17, 32)]
_POOLS += [f"192.168.{number}.0/20" for number in range(0, 256, 16)]


def trusts_everyone(settings: Settings, name: str) -> list[str]:
    """Each trusted range that has the gateway of the edge's network in it.

    Docker's user-land proxy takes connections for a container and makes new ones from there: so do
    clients of IPv6, those of this host, and all where it runs without iptables.

    Args:
        settings: the stack's settings.
        name: prefix of what the stack has in Docker: its network's name.
    """
    if settings.trust_docker_gateway:
        return []
    found = []
    for docker in dict.fromkeys(edge.docker for edge in settings.own_edges):
        gateways = list(_gateways(docker, settings, name))
        for given in settings.trusted_proxies:
            trusted = ipaddress.ip_network(given)
            inside = [each for each in gateways if each.version == trusted.version]
            inside = [each for each in inside if each.subnet_of(trusted)]  # type: ignore[arg-type]
            if inside:
                found.append(
                    f"trusted_proxies: {given} contains {inside[0]}, Docker's own gateway, where "
                    "clients may come from that are no proxy, and would be believed whatever they "
                    "say of themselves. Next: name the proxies alone; or, if nobody else reaches "
                    "the port, set trust_docker_gateway: true"
                )
    return found


def _gateways(
    docker: Docker, settings: Settings, name: str
) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Those of the network; before it is there, the ranges that Docker may take for it."""
    shape = "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
    done = ask(docker, "network", "inspect", "-f", shape, name)
    if done.returncode == 0 and done.stdout.split():
        yield from (ipaddress.ip_network(each.partition("/")[0]) for each in done.stdout.split())
    elif settings.subnet:
        yield ipaddress.ip_network(str(next(ipaddress.ip_network(settings.subnet).hosts())))
    else:
        yield from map(ipaddress.ip_network, _POOLS)

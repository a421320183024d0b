"""Services as they are: each passes its gate by config, and is asked as it likes to be."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evidence.lab.certificates import Authority
from evidence.lab.stacks import Stack
from tests.e2e.test_requests import HEALTH, TELLER, asked, request

Maker = Callable[..., Stack]


def test_a_trusted_proxy_is_believed_and_nobody_else(make_stack: Maker) -> None:
    """Client, scheme, host and port are what it says; the gateway is refused as a proxy by name."""
    stack = make_stack(**TELLER, health=HEALTH, trusted_proxies=["172.16.0.0/12", "192.168.0.0/16"])
    said = stack.pulumi("preview").output
    assert "Docker's own gateway" in said
    stack.up(trust_docker_gateway=True)
    told = {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "shop.example.com",
        "X-Forwarded-Port": "443",
        "X-Forwarded-User": "ann",
    }
    seen = dict(httpx.get(stack.url, headers=told).json()["headers"])
    assert seen["x-forwarded-for"].startswith("203.0.113.9, 198.51.100.7, ")
    assert seen["x-real-ip"] == "198.51.100.7"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-host"] == "shop.example.com"
    assert seen["x-forwarded-port"] == "443"
    assert seen["x-forwarded-user"] == "ann"


def test_a_client_is_known_by_the_proxy_protocol(make_stack: Maker) -> None:
    """Its headers are not believed; a connection without the protocol's line is refused."""
    stack = make_stack(
        **TELLER,
        health=HEALTH,
        proxy_protocol=True,
        trusted_proxies=["172.16.0.0/12", "192.168.0.0/16"],
        trust_docker_gateway=True,
    )
    stack.up()
    line = b"PROXY TCP4 203.0.113.5 203.0.113.6 40000 80\r\n"
    sent = request("/", "GET", "X-Forwarded-For: 198.51.100.1")
    status, body = asked(stack.http_port, line + sent)
    seen = dict(json.loads(body)["headers"])
    assert status == 200
    assert seen["x-forwarded-for"] == seen["x-real-ip"] == "203.0.113.5"
    with pytest.raises((OSError, IndexError)):
        asked(stack.http_port, sent)


def test_other_names_lead_to_the_canonical_host(make_stack: Maker) -> None:
    """With path and query, and the port that clients know; the edge's own pages stay."""
    stack = make_stack(**TELLER, health=HEALTH, canonical_host="shop.example.com")
    stack.up()
    other = httpx.get(f"{stack.url}/a%2Fb?x=1", headers={"Host": "www.example.com"})
    assert other.status_code == 308
    assert other.headers["location"] == f"http://shop.example.com:{stack.http_port}/a%2Fb?x=1"
    named = {"Host": f"shop.example.com:{stack.http_port}"}
    assert httpx.get(f"{stack.url}/a", headers=named).status_code == 200
    assert httpx.get(f"{stack.url}/-/healthz").status_code == 200


AUTHORITY = Authority()
SERVICES: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "answers only to its own host": (
        {"ONLY_HOST": "shop.example.com"},
        {"host": "shop.example.com"},
        "set health.host",
    ),
    "redirects unless it is told of https": (
        {"WANTS_HTTPS": "1"},
        {"headers": {"X-Forwarded-Proto": "https"}},
        "set health.headers",
    ),
    "speaks https with a certificate of its own": (
        {"PEM": "".join(AUTHORITY.issue(["shop"]))},
        {"scheme": "https", "verify": False},
        "set health.scheme: https",
    ),
    "has its version at data.version": (
        {"VERSION": "1"},
        {"version_field": "data.version"},
        "set health.version_field: data.version",
    ),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_passes_its_gate_by_config_and_a_failure_names_the_key(
    make_stack: Maker, name: str
) -> None:
    """A service that is well is not refused for how it likes to be asked."""
    env, health, key = SERVICES[name]
    wrong = {"version_field": "version"} if "version_field" in health else {}
    stack = make_stack(**TELLER, env=env, health=HEALTH | {"timeout": 2} | wrong)
    failed = stack.pulumi("up", "--yes", "--skip-preview")
    assert failed.code != 0
    assert key in " ".join(failed.output.split()), failed.output
    stack.up(health=HEALTH | health)
    assert stack.live()


def test_a_service_that_closes_kept_connections_early_loses_no_write(make_stack: Maker) -> None:
    """After 2 s, when the next request may just be on its way."""
    stack = make_stack(**TELLER, env={"IDLE": "2"}, health=HEALTH)
    stack.up()
    failed: list[int] = []

    def write(shift: float) -> None:
        with httpx.Client() as client:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                begun = time.monotonic()
                answer = client.post(f"{stack.url}/write", content=b"w")
                if answer.status_code != 200:
                    failed.append(answer.status_code)
                time.sleep(max(0, begun + 2 + shift - time.monotonic()))

    threads = [threading.Thread(target=write, args=(n / 1000,)) for n in range(-5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed

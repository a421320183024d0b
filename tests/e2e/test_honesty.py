"""The load finds what a real nginx loses: all of it, and nothing else."""

import math
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import evidence.load as load
from bluegreen.config import defaults
from bluegreen.docker.facts import LABEL
from evidence.lab.host import docker, free_ports
from evidence.lab.processes import wait_for
from evidence.lab.stacks import remove

CONFIG = """\
worker_processes auto;
pid /run/nginx.pid;
error_log /dev/stderr warn;
events {{ worker_connections 4096; }}
http {{
    log_format fate '$status $uri';
    access_log /dev/stdout fate;
    {http}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    split_clients $request_id $dropped {{ 0.1% 1; * 0; }}
    split_clients $request_id $doubled {{ 10% 1; * 0; }}
    upstream service {{ server {service}:3000; keepalive 64; keepalive_timeout 3s; }}
    server {{
        listen 80;
        add_header X-Served-By blue always;
        location = /api/search {{ proxy_pass http://service; }}
        location = /again {{
            internal;
            log_subrequest on;
            if ($doubled = 0) {{ return 204; }}
            proxy_pass http://service/api/dashboards/db;
        }}
        location / {{
            {location}
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"""


@contextmanager
def edge(folder: Path, *, http: str = "", location: str = "") -> Iterator[tuple[str, str]]:
    """An nginx with this config before a service; yields its URL and its container's name."""
    name, port = f"honesty-{uuid.uuid4().hex[:8]}", free_ports(1)[0]
    mine = ("--label", f"{LABEL}={name}")
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(service=f"{name}-service", http=http, location=location))
    try:
        docker("network", "create", *mine, name)
        image = f"{defaults.IMAGE}:12.3.0"
        docker("run", "-d", "--name", f"{name}-service", *mine, "--network", name, image)
        docker(
            *("run", "-d", "--name", f"{name}-edge", *mine, "--network", name),
            *("-p", f"127.0.0.1:{port}:80", "-v", f"{config}:/own.conf:ro"),
            *(defaults.EDGE_IMAGE, "nginx", "-c", "/own.conf", "-g", "daemon off;"),
        )
        wait_for(lambda: _answers(name), what="the service")
        yield f"http://127.0.0.1:{port}", f"{name}-edge"
    finally:
        remove(name)


def _answers(name: str) -> bool:
    health = f"http://{name}-service:3000/api/health"
    said = docker("exec", f"{name}-edge", "sh", "-c", f"curl -s {health} || true")
    return '"ok"' in said


def logged(container: str) -> Counter[tuple[str, str]]:
    """What nginx itself says: how many requests by status and path, without looking for writes."""
    pairs = (line.split() for line in docker("logs", container).splitlines())
    return Counter((status, path) for status, path in pairs if path != "/api/search")


def reload_often(container: str, traffic: load.Running, most: int) -> None:
    """Reload again and again until a request fails, but not more often than that."""
    for _ in range(most):
        if traffic.report.failed_total:
            break
        docker("exec", container, "nginx", "-c", "/own.conf", "-s", "reload")
        time.sleep(0.3)


def test_an_edge_that_drops_one_request_in_a_thousand_is_found_to_do_so(tmp_path: Path) -> None:
    """Each one that nginx's own log says it dropped, by its cause, and not one more."""
    location = "if ($dropped) { return 444; }"
    with edge(tmp_path, location=location) as (url, container):
        with load.running(url, load.Plan(pace=1.5)) as traffic:
            while traffic.report.requests <= 5000:
                time.sleep(0.5)  # while it is asked, nobody works
        report = traffic.report
        log = logged(container)
    dropped = sum(count for (status, _), count in log.items() if status == "444")
    assert report.failed_total == dropped, report.summary()
    assert {cause for causes in report.failed.values() for cause in causes} == {"reset"}
    assert report.requests == log.total()
    # Binomial: chance alone does not stray that many standard deviations from the share.
    expected = report.requests / 1000
    assert report.requests > 5000
    assert abs(dropped - expected) < 4.5 * math.sqrt(expected)


BUSY = load.Plan(fresh=0, keepalive=24, post=0, slow=0, download=0, websocket=0, pace=4)


def test_a_plain_reload_is_found_to_reset_connections_that_are_used_again(tmp_path: Path) -> None:
    """What nginx does by default, and why the edge asks it for a keepalive_min_timeout."""
    with edge(tmp_path) as (url, container), load.running(url, BUSY) as traffic:
        reload_often(container, traffic, 60)
    report = traffic.report
    assert set(report.failed) == {"keepalive"}, report.summary()
    assert set(report.failed["keepalive"]) == {"reset"}
    assert all("on a reused connection" in example for example in report.examples)


def test_a_reload_with_the_protection_is_found_to_reset_none(tmp_path: Path) -> None:
    """The same load, and more reloads than it takes without."""
    http = "keepalive_timeout 75s; keepalive_min_timeout 10s;"
    with edge(tmp_path, http=http) as (url, container), load.running(url, BUSY) as traffic:
        reload_often(container, traffic, 12)
    assert traffic.report.failed_total == 0, traffic.report.summary()
    assert traffic.report.requests > 2000


def test_an_edge_that_sends_a_write_twice_is_found_to_do_so(tmp_path: Path) -> None:
    """Each one that nginx's own log says it sent again; the answers told nobody."""
    writers = replace(BUSY, keepalive=0, post=2, pace=1)
    with edge(tmp_path, location="mirror /again;") as (url, container):
        with load.running(url, writers) as traffic:
            time.sleep(5)
        log = logged(container)
    report = traffic.report
    doubled = log.total() - log["200", "/api/dashboards/db"] - log["204", "/again"]
    assert doubled == log["200", "/again"] > 0
    assert report.failed == {"post": {"doubled": doubled}}, report.summary()
    assert (report.writes.lost, report.writes.doubled) == (0, doubled)


def test_a_worker_that_dies_is_found_to_take_downloads_and_websockets_with_it(
    tmp_path: Path,
) -> None:
    """A body that ends early is a failure although its status was 200, and so is each cut."""
    patient = replace(BUSY, keepalive=0, slow=2, download=2, websocket=4)
    with edge(tmp_path) as (url, container), load.running(url, patient) as traffic:
        for _ in range(2):
            time.sleep(3)
            docker("exec", container, "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)")
        time.sleep(1)
    report = traffic.report
    assert report.websockets.cut == 2 * patient.websocket, report.summary()
    assert report.websockets.opened == 3 * patient.websocket
    assert report.failed["websocket"] == {"cut": report.websockets.cut}
    assert report.failed["download"].keys() == {"truncated"}
    assert report.failed["slow"].keys() == {"reset"}

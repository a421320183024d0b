"""What the edge costs: requests per second and latency against a bare nginx, same upstream.

The upstream is an nginx too, so that it is the proxies that are measured and not the service.
Both log each request, as nginx does unless told otherwise. The load is wrk's.
"""

import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bluegreen.config import defaults
from bluegreen.docker.facts import LABEL
from evidence.bench.errors import BenchError
from evidence.bench.figures import ratio, spread
from evidence.lab.host import docker, free_ports
from evidence.lab.stacks import Stack, removed

ROUNDS = 6
SECONDS = 5
CONNECTIONS = 32
UPSTREAM = """\
worker_processes auto;
pid /run/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000;
    server { listen 80; location / { return 200 "ok\\n"; } }
}
"""
BARE = """\
worker_processes auto;
pid /run/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    access_log /dev/stdout combined;
    upstream service {{ server {upstream}:80; keepalive 64; }}
    server {{
        listen 80;
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


def measure(folder: Path, told: Callable[[str], None]) -> dict[str, Any]:
    """Requests/s and p99 (ms) of both, in turns; empty without wrk, saying so."""
    if not shutil.which("wrk"):
        return {"skipped": "wrk is not on PATH (Debian: apt-get install wrk)"}
    image, _, tag = defaults.EDGE_IMAGE.partition(":")
    command = ["sh", "-c", f"printf '%s' '{UPSTREAM}' > /tmp/n.conf; exec nginx -c /tmp/n.conf "]
    command[2] += "-g 'daemon off;'"
    config = {
        "image": image,
        "blue_version": tag,
        "port": 80,
        "data_path": "",
        "command": command,
        "health": {"path": "/"},
    }
    rates: dict[str, list[float]] = {"edge": [], "bare": []}
    tails: dict[str, list[float]] = {"edge": [], "bare": []}
    with removed(folder, **config) as stack:
        stack.up()
        with _bare(stack) as bare:
            for number in range(1, ROUNDS + 1):
                told(f"throughput {number} of {ROUNDS}")
                for name, url in (("edge", stack.url), ("bare", bare)):
                    rate, tail = _wrk(url)
                    rates[name].append(rate)
                    tails[name].append(tail)
    return {
        "edge_per_s": spread(rates["edge"], 0),
        "bare_per_s": spread(rates["bare"], 0),
        "edge_p99_ms": spread(tails["edge"]),
        "bare_p99_ms": spread(tails["bare"]),
        # Of neighbors in time, as machines are noisy.
        "ratio_throughput": round(
            statistics.median(ratio(a, b) for a, b in zip(*rates.values(), strict=True)), 2
        ),
    }


@contextmanager
def _bare(stack: Stack) -> Iterator[str]:
    """A bare nginx on the stack's network, leading to the same upstream; yields its URL."""
    name, port = f"{stack.service}-bare", free_ports(1)[0]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(BARE.format(upstream=f"{stack.service}-blue"))
        docker(
            *("run", "-d", "--name", name, "--label", f"{LABEL}={stack.service}"),
            *("--network", stack.service, "-p", f"127.0.0.1:{port}:80"),
            *("--log-opt", "max-size=10m", "--log-opt", "max-file=3"),
            *("-v", f"{config}:/bare.conf:ro", defaults.EDGE_IMAGE),
            *("nginx", "-c", "/bare.conf", "-g", "daemon off;"),
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            docker("rm", "-f", name)


def _wrk(url: str) -> tuple[float, float]:
    """Requests per second, and the 99th percentile in ms."""
    said = subprocess.run(
        ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", f"{url}/"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    if not rate or not tail or "Non-2xx" in said or "Socket errors" in said:
        raise BenchError(f"wrk against {url} did not go well: {said}")
    return float(rate[1]), float(tail[1]) * {"us": 0.001, "ms": 1, "s": 1000}[tail[2]]

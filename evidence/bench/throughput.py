"""What the edge costs: requests per second and latency against a bare nginx, same upstream.

The upstream is an nginx too, so that it is the proxies that are measured and not the service.
Both log each request, in the same way: the baseline gets the edge's own lines for it. The load is
wrk's.
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
from bluegreen.edge.state import LOGS
from bluegreen.edge.templates import TEMPLATES
from evidence.bench.errors import BenchError
from evidence.bench.figures import ratio, spread
from evidence.lab.certificates import Authority
from evidence.lab.host import docker, free_ports
from evidence.lab.stacks import Stack, removed

ROUNDS = 15
SECONDS = 3
CONNECTIONS = 32
LOG_SPACE = "2g"  # the baseline's log is not turned: it must not be full before the end
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
    {log}
    upstream service {{ server {upstream}:80; keepalive 64; }}
    ssl_certificate /bare.pem;
    ssl_certificate_key /bare.pem;
    {tls}
    server {{
        listen 80;
        listen 443 ssl;
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
    certificate, key = Authority().issue(["127.0.0.1"])
    for name, text in {"bench.pem": certificate, "bench.key": key}.items():
        (folder / name).write_text(text)
    tls = {"certificate": "bench.pem", "key": "bench.key", "redirect": False}
    with removed(folder, **config, tls=tls, https_port=free_ports(1)[0]) as stack:
        stack.up()
        secure = f"https://127.0.0.1:{stack.config['https_port']}"
        with _bare(stack, certificate + key) as (plain, by_tls):
            found = _in_turns(stack.url, plain, told)
            for name, words in (("tls", ()), ("new_tls", ("-H", "Connection: close"))):
                pair = _in_turns(secure, by_tls, told, *words)
                found |= {f"{name}_{key}": value for key, value in pair.items()}
    return found


def _in_turns(edge: str, bare: str, told: Callable[[str], None], *words: str) -> dict[str, Any]:
    """Both under the same load, one after the other."""
    rates: dict[str, list[float]] = {"edge": [], "bare": []}
    tails: dict[str, list[float]] = {"edge": [], "bare": []}
    for number in range(1, ROUNDS + 1):
        told(f"throughput {number} of {ROUNDS} {edge.partition(':')[0]}")
        for name, url in (("edge", edge), ("bare", bare)):
            rate, tail = _wrk(url, *words)
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
def _bare(stack: Stack, pem: str) -> Iterator[tuple[str, str]]:
    """A bare nginx on the stack's network, leading to the same upstream; yields its two URLs."""
    name, (port, secure) = f"{stack.service}-bare", free_ports(2)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(BARE.format(upstream=f"{stack.service}-blue", log=_log(), tls=_tls()))
        (Path(folder) / "bare.pem").write_text(pem)
        docker(
            *("run", "-d", "--name", name, "--label", f"{LABEL}={stack.service}"),
            *("--network", stack.service, "-p", f"127.0.0.1:{port}:80"),
            *("-p", f"127.0.0.1:{secure}:443", "-v", f"{folder}/bare.pem:/bare.pem:ro"),
            *("--tmpfs", f"{LOGS}:size={LOG_SPACE}"),
            *("-v", f"{config}:/bare.conf:ro", defaults.EDGE_IMAGE),
            *("nginx", "-c", "/bare.conf", "-g", "daemon off;"),
        )
        try:
            yield f"http://127.0.0.1:{port}", f"https://127.0.0.1:{secure}"
        finally:
            docker("rm", "-f", name)


def _log() -> str:
    """The edge's own access log: the same format, buffer and place."""
    text = (TEMPLATES / "nginx.conf").read_text()
    (form,) = re.findall(r"^ *log_format edge .*?;$", text, re.MULTILINE | re.DOTALL)
    (line,) = re.findall(r"^ *access_log \S+ edge .*;$", text, re.MULTILINE)
    for name, value in {"asked_port": "80", "service": "bare", "color": "blue"}.items():
        form = form.replace(f"${name}", value)
    return f"{form}\n{line}".replace("$client", "$remote_addr")


def _tls() -> str:
    """The edge's own settings of TLS."""
    text = (TEMPLATES / "nginx.conf").read_text()
    return "\n".join(
        re.findall(r"^ *ssl_(?:protocols|ciphers|ecdh|prefer|session)\S* .*;$", text, re.M)
    )


def _wrk(url: str, *words: str) -> tuple[float, float]:
    """Requests per second, and the 99th percentile in ms."""
    said = subprocess.run(
        ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", *words, f"{url}/"],
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

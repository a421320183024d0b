"""TLS at the edge: a certificate that is given, and those that a real ACME server issues."""

import json
import shutil
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from evidence.lab.acme import acme_server
from evidence.lab.certificates import Authority
from evidence.lab.host import docker, finish, free_ports
from evidence.lab.processes import wait_for
from evidence.lab.stacks import Stack

Maker = Callable[..., Stack]
HOST, OTHER = "shop.example.com", "www.shop.example.com"


def given(folder: Path, authority: Authority, *hosts: str) -> dict[str, str]:
    """A certificate for these hosts, and its key, as files."""
    certificate, key = authority.issue(hosts)
    (folder / "shop.pem").write_text(certificate)
    (folder / "shop.key").write_text(key)
    return {"certificate": "shop.pem", "key": "shop.key"}


def curl(stack: Stack, *words: str, host: str = HOST, path: str = "/api/health") -> str:
    """What a client sees of a host, answers' heads included."""
    port = stack.config["https_port"]
    url = f"https://{host}:{port}{path}"
    found = finish(
        ["curl", "-sSi", "--connect-to", f"::127.0.0.1:{port}", "-m", "10", *words, url],
        cwd=stack.folder,
        timeout=20,
    )
    return found.output


def trusting(pem: str) -> ssl.SSLContext:
    """What a client has that trusts this authority alone."""
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = True
    return context


@contextmanager
def clients(stack: Stack, context: ssl.SSLContext) -> Iterator[Counter[str]]:
    """Kept and fresh connections by TLS until the block ends; counts answers and failures."""
    seen: Counter[str] = Counter()
    over = threading.Event()
    url = f"https://127.0.0.1:{stack.config['https_port']}/api/health"
    named: dict[str, Any] = {"headers": {"Host": HOST}, "extensions": {"sni_hostname": HOST}}

    def ask(client: httpx.Client) -> None:
        try:
            seen[str(client.get(url, **named).status_code)] += 1
        except httpx.HTTPError as error:
            seen[repr(error)] += 1

    def kept() -> None:
        with httpx.Client(verify=context, timeout=10) as client:
            while not over.wait(0.02):
                ask(client)

    def fresh() -> None:
        while not over.wait(0.05):
            with httpx.Client(verify=context, timeout=10) as client:
                ask(client)

    threads = [threading.Thread(target=each) for each in (kept, kept, fresh, fresh)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def serial(stack: Stack) -> str:
    """Which certificate a new client gets."""
    port = str(stack.config["https_port"])
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", HOST]
    shown = subprocess.run(words, input="", capture_output=True, text=True, check=False).stdout
    return shown[shown.index("-----BEGIN") : shown.index("-----END")]


def test_a_given_certificate_serves_https_and_is_replaced_under_load(make_stack: Maker) -> None:
    """HTTP/2, a redirect, nothing old; and the key is nowhere to be read."""
    authority, (port,) = Authority(), free_ports(1)
    stack = make_stack(https_port=port, hosts=[HOST])
    (stack.folder / "ca.pem").write_text(authority.pem)
    stack.up(tls=given(stack.folder, authority, HOST))
    shown = curl(stack, "--cacert", "ca.pem", "--http2")
    assert shown.startswith("HTTP/2 200"), shown
    assert '"version": "12.3.0"' in shown
    plain = httpx.get(f"{stack.url}/a%2Fb?x=1", headers={"Host": HOST})
    assert plain.status_code == 308
    assert plain.headers["location"] == f"https://{HOST}:{port}/a%2Fb?x=1"
    assert httpx.get(f"{stack.url}/-/healthz").status_code == 200
    for old in (["--tls-max", "1.1"], ["--tls-max", "1.2", "--ciphers", "AES128-SHA"]):
        assert "200" not in curl(stack, "-k", *old)[:20]
    assert stack.pulumi("preview", "--expect-no-changes").code == 0
    before = serial(stack)
    with clients(stack, trusting(authority.pem)) as seen:
        stack.up(tls=given(stack.folder, authority, HOST, OTHER))
        wait_for(lambda: serial(stack) != before, 15, "the new certificate")
    assert set(seen) == {"200"}, seen
    assert seen["200"] > 100
    said = stack.bluegreen("status")
    assert f"tls       {HOST}, {OTHER} until " in said.output
    key = "".join((stack.folder / "shop.key").read_text().splitlines()[1:-1])
    edge = f"{stack.service}-edge"
    state = stack.pulumi("stack", "export").output
    assert key[:40] not in state
    assert key[:40] not in docker("inspect", edge) + docker("logs", edge)
    listed = docker("exec", edge, "sh", "-c", "ls -l /etc/bluegreen/keys/*/*.pem")
    assert all(line.startswith("-rw-------") for line in listed.splitlines())
    with clients(stack, trusting(authority.pem)) as seen:
        stack.up(active_color="green", green_version="12.4.0")
    assert set(seen) == {"200"}, seen
    shutil.rmtree(stack.folder / "state/.pulumi")
    rebuilt = stack.bluegreen("recover", "--rebuild-state", "--yes")
    assert rebuilt.code == 0, rebuilt.output
    assert stack.pulumi("preview", "--expect-no-changes").code == 0
    assert key[:40] not in stack.pulumi("stack", "export").output


def test_mistakes_in_tls_are_told_before_anything_is_touched(make_stack: Maker) -> None:
    """All of them, and no key is ever shown."""
    authority = Authority()
    stack = make_stack()
    tls = given(stack.folder, authority, HOST)
    _, other = authority.issue([HOST])
    (stack.folder / "shop.key").write_text(other)
    stack.configure(tls=tls, hosts=[HOST], https_port=free_ports(1)[0])
    said = stack.pulumi("preview").output
    assert "tls.key: is not the key of tls.certificate" in said
    stack.configure(tls={"acme": {}}, hosts=["*.shop.example.com"])
    said = stack.pulumi("preview").output
    assert "is a wildcard, which HTTP-01 cannot prove" in said
    assert "email: " in said


def test_acme_and_a_given_certificate_take_over_from_each_other(make_stack: Maker) -> None:
    """By one update each, under load: no connection is refused for want of a certificate."""
    stack = make_stack(https_port=free_ports(1)[0], hosts=[HOST])
    authority = Authority()
    (stack.folder / "given-ca.pem").write_text(authority.pem)

    def serves(ca: str) -> bool:
        return "200" in curl(stack, "--cacert", ca)[:12]

    with acme_server([HOST], stack.http_port) as server:
        (stack.folder / "acme-ca.pem").write_text(server.ca.read_text())
        acme = {"email": "ops@example.com", "server": server.url, "ca": "acme-ca.pem"}
        stack.up(tls={"acme": acme})
        (stack.folder / "ca.pem").write_text(server.root())
        wait_for(lambda: serves("ca.pem"), 30, "the certificate")
        with clients(stack, trusting(server.root() + authority.pem)) as seen:
            stack.up(tls=given(stack.folder, authority, HOST))
            assert serves("given-ca.pem")
            said = stack.bluegreen("status", "--check")
            assert said.code == 0, said.output
            assert said.output.count(f"{HOST} until") == 1
            stack.up(tls={"acme": acme})
            wait_for(lambda: serves("ca.pem"), 30, "the certificate again")
        assert set(seen) == {"200"}, seen

        def once() -> bool:
            return stack.bluegreen("status", "--check").output.count(f"{HOST} until") == 1

        wait_for(once, 20, "the given one to go")
        assert stack.pulumi("preview", "--expect-no-changes").code == 0


def test_certificates_come_by_acme_and_are_renewed_by_themselves(make_stack: Maker) -> None:
    """The first issue, a name that is refused, a renewal under load; a server that is away."""
    (port,) = free_ports(1)
    stack = make_stack(https_port=port, hosts=[HOST, OTHER])
    with acme_server([HOST], stack.http_port, validity=100) as server:
        (stack.folder / "acme-ca.pem").write_text(server.ca.read_text())
        account: dict[str, Any] = {"email": "ops@example.com", "server": server.url}
        stack.up(tls={"acme": {**account, "ca": "acme-ca.pem"}})
        root = server.root()
        (stack.folder / "ca.pem").write_text(root)
        wait_for(lambda: "200" in curl(stack, "--cacert", "ca.pem")[:12], 30, "the certificate")
        # Workers from before the certificate may take a connection for a moment yet.
        host = {"Host": HOST}
        wait_for(lambda: httpx.get(stack.url, headers=host).status_code == 308, 10, "the redirect")
        # What could not be proven serves on, without a redirect.
        assert httpx.get(f"{stack.url}/api/health", headers={"Host": OTHER}).status_code == 200
        told = f"certificate of {OTHER}: has no certificate yet (failed 1 times"
        wait_for(lambda: told in stack.bluegreen("status").output, 60, "why there is none")
        assert stack.bluegreen("status", "--check").code != 0
        assert stack.pulumi("preview", "--expect-no-changes").code == 0
        before = serial(stack)
        with clients(stack, trusting(root)) as seen:
            wait_for(lambda: serial(stack) != before, 100, "the renewal")
        assert set(seen) == {"200"}, seen
        server.stop()
        found = json.loads(stack.bluegreen("status", "--json").output)
        assert [each["names"] for each in found["certificates"]][:1] == [[HOST]]
        assert "200" in curl(stack, "--cacert", "ca.pem")[:12]
        volume = f"{stack.service}-acme"
        assert stack.pulumi("destroy", "--yes", "--skip-preview").code == 0
        assert volume in docker("volume", "ls", "-q").split()

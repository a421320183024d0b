"""TLS: what config may say, what nginx is told of it, and how certificates come by ACME."""

import json
import re
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bluegreen.cli import certificates, doctor
from bluegreen.config.load import read_config
from bluegreen.config.settings import Docker, Place, Settings
from bluegreen.docker.facts import Folder
from bluegreen.edge import scripts
from bluegreen.edge.render import render
from bluegreen.platforms import of
from evidence.lab.certificates import Authority
from tests.unit.examples import ROOT, SMALLEST, make_settings

HOST = "shop.example.com"
AUTHORITY = Authority()
CERTIFICATE, KEY = AUTHORITY.issue([HOST])
_, OTHER_KEY = AUTHORITY.issue([HOST])
ACME = {"acme": {"email": "ops@example.com"}}


def read(tls: Any, *, secret: bool = True, **more: Any) -> tuple[Settings, list[str]]:
    """The settings with this under `tls`, and the mistakes."""
    given = {**SMALLEST, "hosts": json.dumps([HOST]), **more, "tls": json.dumps(tls)}
    found = read_config(given, ROOT, secrets=["tls"] if secret else [])
    return found.settings, list(found.mistakes)


@pytest.mark.parametrize(
    ("tls", "more", "mistake"),
    [
        ({"certificate": CERTIFICATE}, {}, "tls: has certificate; allowed: certificate and key"),
        ({"redirect": False}, {}, "tls: has neither certificate nor acme"),
        ({"certificate": CERTIFICATE, "key": OTHER_KEY}, {}, "tls.key: is not the key of"),
        ({"certificate": KEY, "key": KEY}, {}, "tls.certificate: is not a certificate in PEM"),
        (
            {"certificate": "no.pem", "key": KEY},
            {},
            'tls.certificate: is not PEM text, and "no.pem"',
        ),
        ({**ACME, "certificate": CERTIFICATE, "key": KEY}, {}, "none with tls.acme"),
        (ACME, {"hosts": '["*.example.com"]'}, '"*.example.com" of hosts is a wildcard'),
        (ACME, {"hosts": ""}, "tls.acme: no hosts to get certificates for"),
        ({"acme": {"server": "https://x/dir"}}, {}, "tls.acme.email: "),
        ({"acme": {"email": "nobody"}}, {}, 'tls.acme.email: is "nobody"'),
        (ACME, {"kind": "service", "edge": "front"}, "none here: the account is that of front"),
    ],
)
def test_each_mistake_is_told_by_its_key(
    tls: dict[str, Any], more: dict[str, Any], mistake: str
) -> None:
    """Before anything is touched, and without the key itself."""
    _, mistakes = read(tls, **more)
    assert any(mistake in each for each in mistakes), mistakes
    assert not any("PRIVATE" in each for each in mistakes)


def test_a_key_as_text_has_to_be_a_secret() -> None:
    """As a file, it is not in the config."""
    _, mistakes = read({"certificate": CERTIFICATE, "key": KEY}, secret=False)
    (mistake,) = mistakes
    assert mistake.startswith("tls.key: not usable; allowed: a secret: pulumi config set --secret")


def test_with_tls_the_port_is_443_unless_config_says_otherwise() -> None:
    """And none without it."""
    given = {"certificate": CERTIFICATE, "key": KEY}
    assert read(given)[0].https_port == 443
    assert read(given, https_port="8443")[0].https_port == 8443
    assert make_settings().https_port == 0


def rendered(tls: dict[str, Any], **more: Any) -> str:
    """What nginx runs of a service."""
    settings, mistakes = read(tls, **more)
    assert not mistakes
    return render(settings, "blue", "shop", ROOT, of(settings).upstream)


def test_a_host_without_a_certificate_is_not_redirected() -> None:
    """By ACME there may be none yet; one that is given is for all."""
    text = rendered({**ACME, "hsts": 9})
    assert "map $host $shop_secured {\n    hostnames;\n    default '';" in text
    assert text.count("location ^~ /.well-known/acme-challenge/") == 1
    assert "set $bluegreen_acme shop-acme;" in text
    assert 'https "max-age=9";' in text
    text = rendered({"certificate": CERTIFICATE, "key": KEY, "redirect": False})
    assert "default '';\n    include /etc/bluegreen/services/shop/tls/*.names;" not in text
    assert 'acme-challenge/) " 1' not in text
    assert KEY not in text


def test_of_several_edges_whichever_is_asked_leads_to_the_one_that_asked() -> None:
    """From one to the next, until one knows the proof; the last one's answer is final."""
    edges = '[{"name": "a", "host": "ssh://a"}, {"name": "b", "host": "ssh://b"}]'
    text = rendered(ACME, platform="swarm", edges=edges, data_path="")
    first, second = re.findall(r"location [^{]*acme[^{]*\{.*?\n *\}", text, re.DOTALL)
    assert "set $bluegreen_acme shop-acme-a;" in first
    assert "error_page 404 502 504 = @acme_2;" in first
    assert second.startswith("location @acme_2 {")
    assert "set $bluegreen_acme shop-acme-b;" in second
    assert "error_page" not in second


def test_without_tls_there_is_nothing_of_it() -> None:
    """But for the canonical host, which needs none."""
    settings = make_settings(canonical_host=HOST)
    text = render(settings, "blue", "shop", ROOT, of(settings).upstream)
    assert "tls.conf" not in text
    assert f"return 308 $forwarded_proto://{HOST}$bluegreen_port_there$request_uri;" in text


FAKE_LEGO = """#!/bin/sh
echo "$*" >>'{root}/asked'
host=$(echo "$*" | sed 's/.*--domains \\([^ ]*\\).*/\\1/')
[ ! -e '{root}/away' ] || {{ echo "acme: error: 500"; exit 1; }}
mkdir -p '{root}/acme/certificates'
echo "certificate $(cat '{root}/number')" >"{root}/acme/certificates/$host.crt"
echo key >"{root}/acme/certificates/$host.key"
"""


@pytest.fixture
def lego(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The container's script runs, with a lego that does what the test says, in this folder."""
    for folder in ("acme", "services/shop/tls", "keys/shop", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    fake = tmp_path / "bin" / "lego"
    fake.write_text(FAKE_LEGO.format(root=tmp_path))
    fake.chmod(0o755)
    (tmp_path / "number").write_text("1")
    (tmp_path / "services/shop/tls/wanted").write_text(f"{HOST}\n")
    there = {"SERVICES": f"{tmp_path}/services", "KEYS": f"{tmp_path}/keys"}
    monkeypatch.setattr(scripts, "KNOWN", scripts.KNOWN | there)
    monkeypatch.setattr(scripts, "ACCOUNT", f"{tmp_path}/acme")
    return tmp_path


def run_once(root: Path, until: Path) -> None:
    """Run the script until this file is there."""
    script = scripts.get_certificates("ops@example.com", "https://x/dir")
    path = f"{root}/bin:/usr/bin:/bin"
    with subprocess.Popen(["sh", "-ec", script], env={"PATH": path}) as process:
        end = time.monotonic() + 10
        while not until.exists() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.3)
        process.terminate()


def test_a_certificate_that_is_got_is_handed_to_the_edge_under_a_name_of_its_own(
    lego: Path,
) -> None:
    """And the edge is told; one that is the same is not handed over twice."""
    tls = lego / "services/shop/tls"
    run_once(lego, tls / "changed")
    line = (tls / f"{HOST}.names").read_text()
    name = line.split()[1].rstrip(";")
    assert line == f"{HOST} {name};\n"
    assert (tls / f"{name}.pem").read_text() == "certificate 1\n"
    key = lego / "keys/shop" / f"{name}.pem"
    assert key.read_text() == "key\n"
    assert key.stat().st_mode & 0o777 == 0o600
    (tls / "changed").unlink()
    (lego / "number").write_text("2")  # renewed
    run_once(lego, tls / "changed")
    assert (tls / f"{HOST}.names").read_text() != line
    assert (tls / f"{name}.pem").exists(), "workers still have it"
    asked = (lego / "asked").read_text().splitlines()
    assert asked[0].endswith(" run")
    assert "renew --dynamic" in asked[1]


@pytest.mark.parametrize("all_there", [True, False])
def test_a_certificate_that_was_given_goes_once_all_hosts_have_theirs(
    lego: Path, *, all_there: bool
) -> None:
    """And not before: it serves those that have none yet."""
    tls = lego / "services/shop/tls"
    (tls / "given.names").write_text("~^ given-1;\n")
    if not all_there:
        (lego / "away").touch()
    run_once(lego, tls / ("changed" if all_there else f"{HOST}.problem"))
    assert (tls / "given.names").exists() is not all_there


def test_the_files_of_both_ways_do_not_clash() -> None:
    """A default each would: nginx would refuse both, and every release after that."""
    assert "default '';\n    include /etc/bluegreen/services/shop/tls/*.names;" in rendered(ACME)
    given = rendered({"certificate": CERTIFICATE, "key": KEY})
    assert "include /etc/bluegreen/services/shop/tls/give[n].names;" in given
    assert "*.names" not in given
    assert 'echo "~^ $2;" >given.part' in scripts.certify("shop", "given-1")


def test_after_a_failure_it_waits_and_says_why(lego: Path) -> None:
    """What there was stays; a restart asks at once."""
    (lego / "away").touch()
    problem = lego / f"services/shop/tls/{HOST}.problem"
    run_once(lego, problem)
    failures, again, *said = problem.read_text().split()
    assert failures == "1"
    assert 100 < int(again) - time.time() <= 120
    assert " ".join(said) == "acme: error: 500"
    assert len((lego / "asked").read_text().splitlines()) == 1
    (lego / "away").unlink()
    run_once(lego, lego / "services/shop/tls/changed")
    assert not problem.exists()


def held(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], *wanted: str) -> Any:
    """What is told of these files in an edge."""
    folder = Folder({f"tls/{name}": text for name, text in files.items()})
    monkeypatch.setattr(certificates, "read_folder", lambda *_: folder)
    return certificates.read_certificates(Place("edge", Docker()), "shop", wanted)


def test_before_the_first_release_no_certificate_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That release asks for them; afterwards, one that does not come is told with what to do."""
    monkeypatch.setattr(certificates, "read_folder", lambda *_: Folder(missing="container"))
    assert certificates.read_certificates(Place("edge", Docker()), "shop", [HOST]) == []
    (waiting,) = held(monkeypatch, {}, HOST)
    assert "look again in a minute" in waiting.todo
    (failed,) = held(monkeypatch, {f"{HOST}.problem": "1 0 no route"}, HOST)
    assert "look again" not in failed.todo


@pytest.mark.parametrize("taken", [True, False])
def test_a_port_that_only_root_may_bind_is_taken_if_somebody_answers(
    monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """Not being allowed to bind it says nothing of whether it is free."""

    def refuse(*_: object) -> None:
        raise PermissionError

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not taken:
            server.close()
        monkeypatch.setattr(socket, "create_server", refuse)
        assert doctor._free(port) is not taken


@pytest.mark.parametrize(
    ("days", "problem", "trouble"),
    [
        (60, "", ""),
        (60, "3 0 no route", ""),
        (13, "3 0 no route", "ends in 13 days (failed 3 times"),
        (-1, "", "has ended"),
    ],
)
def test_a_failed_renewal_is_told_two_weeks_before_it_matters(
    monkeypatch: pytest.MonkeyPatch, days: float, problem: str, trouble: str
) -> None:
    """Not before: there is time, and it is tried again."""
    pem, _ = AUTHORITY.issue([HOST], days=days + 0.1)
    files = {f"{HOST}.names": f"{HOST} {HOST}-1;", f"{HOST}-1.pem": pem}
    files |= {f"{HOST}.problem": problem} if problem else {}
    (one,) = held(monkeypatch, files, HOST)
    assert one.names == (HOST,)
    assert one.trouble.startswith(trouble)
    assert bool(one.trouble) == bool(trouble)
    ends = datetime.now(UTC) + timedelta(days=days + 0.1)
    assert one.ends.startswith(f"{ends:%Y-%m-%d}")


def test_a_host_that_has_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With why, where that is known."""
    first, second = held(monkeypatch, {"b.problem": "2 1893456000 refused"}, "a", "b")
    assert first.trouble == "has no certificate yet"
    assert second.trouble.endswith("(failed 2 times, the next try is at 00:00 UTC: refused)")

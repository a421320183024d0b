"""Brings up stack `demo`, puts it under load, releases, rolls back, and tells what was lost."""

import socket
import subprocess
import sys

import httpx

import evidence.load as load
from evidence.bench.chart import draw
from evidence.demo.story import NEW, OLD, OUT, ROOT, DemoFailed, phase, target, tell
from evidence.lab.host import finish

STACK = "demo"
PORT, PREVIEW_PORT = 8080, 8081
DRAIN = 8
LOG = OUT / "demo.log"


def main() -> int:
    """Run the demo; return the exit code."""
    return tell(run, "`make demo` starts over, `make down-demo` removes it")


def run() -> int:
    """The demo's story."""
    LOG.write_text("")
    select_stack()
    check_port()
    with phase(f"blue {OLD} up"):
        update("blue")
    url = f"http://127.0.0.1:{PORT}"
    with load.running(target(url), load.Plan(drain_timeout=DRAIN)) as traffic:
        with phase(f"release: green {NEW}"):
            update("green")
        with phase(f"rollback: blue {OLD}"):
            update("blue")
    report = traffic.report
    print(f"\n{report.summary()}\n")
    for kind in ("svg", "png"):
        draw(report, OUT / f"demo.{kind}", "Demo")
    print(f"The same as a picture: {OUT / 'demo.svg'} (and .png)")
    print(f"The service runs on {url} (the idle color on port {PREVIEW_PORT}). To try next:")
    print('  eval "$(make -s env)" && pulumi stack select demo')
    print("  pulumi config set active_color green && pulumi preview --diff && pulumi up")
    print(f"  curl {url}/-/bluegreen")
    print("  make down-demo        # removes the demo")
    print(f"demo: 2 switches, {report.requests:,} requests, {report.failed_total:,} failed")
    return 1 if report.failed_total else 0


def select_stack() -> None:
    """Make or select the stack; its config is written anew, and is all that the demo sets."""
    pulumi("stack", "select", "--create", STACK)
    config = {
        "blue_version": OLD,
        "green_version": NEW,
        "http_port": PORT,
        "preview_port": PREVIEW_PORT,
        "grafana_ini": "grafana.ini",
        "drain_timeout": DRAIN,
        "bake.seconds": 3,
    }
    words = [f"--plaintext={key}={value}" for key, value in config.items()]
    pulumi("config", "set-all", "--stack", STACK, "--path", *words)


def check_port() -> None:
    """Tell of a taken port now, by name, and not by the daemon's error later."""
    edge = f"bluegreen-{STACK}-edge"
    ours = subprocess.run(["docker", "inspect", edge], capture_output=True, check=False)
    if ours.returncode == 0:
        return
    for port in (PORT, PREVIEW_PORT):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise DemoFailed(
                f"port {port} is in use by another program; nothing was changed. "
                f"Next: free it (`ss -ltnp 'sport = :{port}'` shows which), then `make demo`"
            ) from None


def update(color: str) -> None:
    """One `pulumi up` with this color active."""
    pulumi("up", "--stack", STACK, "--yes", "--skip-preview", "--config", f"active_color={color}")
    live = httpx.get(f"http://127.0.0.1:{PORT}/-/bluegreen").json()["color"]
    if live != color:
        raise DemoFailed(f"{live} is live, wanted {color}; see {LOG}")


def pulumi(*words: str) -> str:
    """Run pulumi; its output goes to the log, and to the user when it fails."""
    command = ["pulumi", *words, "--non-interactive", "--color", "never"]
    done = finish(command, cwd=ROOT)
    with LOG.open("a") as log:
        log.write(f"$ pulumi {' '.join(words)}\n{done.output}\n")
    if done.code:
        tail = "\n".join(f"  | {line}" for line in done.output.splitlines()[-40:])
        raise DemoFailed(f"`pulumi {words[0]}` exited with {done.code}:\n{tail}")
    return done.output


if __name__ == "__main__":
    sys.exit(main())

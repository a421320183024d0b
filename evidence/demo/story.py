"""What the demos share: how they tell their story, and what of the service they ask for."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import evidence.load as load
from bluegreen.config import defaults
from evidence.lab.host import LabFailed

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out"
OLD, NEW = "12.3.0", "12.4.0"
STAND_IN = os.environ.get("BLUEGREEN_IMAGE")


class DemoFailed(Exception):
    """Something went wrong that the user should read, and not as a traceback."""


def tell(story: Callable[[], int], again: str) -> int:
    """Tell a demo's story; return its exit code. `again` says what to do after Ctrl-C."""
    OUT.mkdir(exist_ok=True)
    if STAND_IN:
        print(
            f"demo: image {STAND_IN} is used, a stand-in for {defaults.GRAFANA}, "
            "because Docker Hub does not answer here"
        )
    try:
        return story()
    except (DemoFailed, LabFailed, load.LoadError) as error:
        print(f"demo: failed: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"demo: interrupted; {again}")
    return 1


def target(url: str) -> load.Target:
    """What is asked: all that the stand-in has, and of the real Grafana what needs no login."""
    if STAND_IN:
        return load.Target(url)
    return load.Target(
        url,
        page_path="/login",
        page_contains="",
        post_path=None,
        slow_path=None,
        download_path=None,
        websocket_path=None,
    )


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    begin = time.monotonic()
    print(f"demo: {name} …", end=" ", flush=True)
    try:
        yield
    except BaseException:
        print("failed")
        raise
    print(f"{time.monotonic() - begin:.1f} s", flush=True)

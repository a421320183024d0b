"""``python -m evidence.load --url URL``: load until stopped or the time is over."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from .errors import LoadError
from .options import add_options, from_options
from .process import UNDER_WAY
from .run import Load

POLL_SECONDS = 0.05


def main(arguments: list[str] | None = None) -> int:
    """Run; exit code 0 if nothing failed, 1 if something did, 2 if it could not run as asked."""
    parser = argparse.ArgumentParser(
        prog="python -m evidence.load",
        description="Put load on a URL of this machine; count the outcome of every request.",
    )
    add_options(parser)
    parser.add_argument("--json-out", type=Path, metavar="FILE", help="write the report here")
    parser.add_argument("--controlled", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        return asyncio.run(_run(given))
    except LoadError as error:
        print(f"load: {error}", file=sys.stderr)
        return 2


async def _run(given: argparse.Namespace) -> int:
    load = Load(*from_options(given))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with load:
        # A caller may ask for the counts after the time is over: only its stop ends this process.
        told = _obey(load) if given.controlled else load.finished()
        waiting = {asyncio.create_task(told), asyncio.create_task(stop.wait())}
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*done)
        report = await load.stop()
    if given.json_out:
        given.json_out.write_text(report.to_json() + "\n", encoding="utf-8")
    print(report.to_json() if given.controlled else report.summary(), flush=True)
    return 1 if report.failed_total else 0


async def _obey(load: Load) -> None:
    """Do what the standard input says, until it says stop or ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while not load.is_under_way():
        await asyncio.sleep(POLL_SECONDS)
    print(UNDER_WAY, flush=True)
    while (line := (await reader.readline()).strip()) not in (b"stop", b""):
        if line == b"snapshot":
            print(load.snapshot().to_json(), flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""One run of the load on the caller's event loop: start, stop, and settle the writes."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from .clients import download, fresh, keepalive, post, slow
from .fates import Ledger
from .plan import KINDS, Plan, Target
from .report import Report
from .websocket import websocket
from .writes import WriteBook

TICK_SECONDS = 0.02


class Load:
    """All clients of a plan against one target."""

    def __init__(self, target: Target | str, plan: Plan | None = None) -> None:
        """Nothing is sent before the load is entered or started."""
        self._target = target if isinstance(target, Target) else Target(target)
        self._plan = plan or Plan()
        self._ledger = Ledger(self._plan.drain_timeout, fresh=bool(self.counts()["fresh"]))
        self._book = WriteBook()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._report: Report | None = None

    async def __aenter__(self) -> "Load":
        """Start."""
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; the report is there afterwards."""
        await self.stop()

    @property
    def report(self) -> Report:
        """The final report; before the stop, what there is so far."""
        return self._report or self.snapshot()

    def counts(self) -> dict[str, int]:
        """Return how many clients of each kind there are, for the paths that there are."""
        target = self._target
        paths = {
            "fresh": target.page_path,
            "keepalive": target.page_path,
            "post": target.post_path,
            "slow": target.slow_path,
            "download": target.download_path,
            "websocket": target.websocket_path,
        }
        return {kind: getattr(self._plan, kind) if paths[kind] is not None else 0 for kind in KINDS}

    def start(self) -> None:
        """Start all clients; they stop by themselves when the plan's time is over."""
        self._tasks = [asyncio.create_task(client) for client in self._clients()]
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(self._plan.seconds, self._stop.set)
        self._tasks.append(asyncio.create_task(self._watch_itself()))

    def is_under_way(self) -> bool:
        """Tell whether all have met a first fate, but slow and download, which take their time."""
        return all(
            self._ledger.finished(kind) >= count
            for kind, count in self.counts().items()
            if kind not in ("slow", "download")
        )

    def snapshot(self) -> Report:
        """Return the counts so far, without the latencies' slices: the clients wait meanwhile."""
        self._ledger.writes = self._book.so_far()
        return self._ledger.report(slices=False)

    async def finished(self) -> None:
        """Return when the plan's time is over or a stop was asked for."""
        await self._stop.wait()

    async def stop(self) -> Report:
        """Let each client finish what it asked for, settle the writes, and sum up.

        Nobody is cancelled: a request that hangs is found by its own timeout, and counted.
        """
        if self._report:
            return self._report
        self._stop.set()
        self._end.cancel()
        await asyncio.gather(*self._tasks)
        self._ledger.end()
        self._ledger.writes = self._book.so_far()
        if self._target.count_writes and self._ledger.writes.sent:
            await self._settle()
        self._report = self._ledger.report()
        return self._report

    async def _watch_itself(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self._ledger.stalled(loop.time() - due)

    async def _settle(self) -> None:
        assert self._target.count_writes is not None
        try:
            found = await asyncio.to_thread(
                self._target.count_writes, self._target.url, self._book.prefix
            )
        # Whatever it is, it is the caller's function and must not cost the report.
        except Exception as error:
            self._book.give_up(f"the writes could not be checked: {error!r}", self._ledger)
        else:
            self._book.settle(dict(found), self._ledger)

    def _clients(self) -> list[Coroutine[Any, Any, None]]:
        common = (self._target, self._plan, self._ledger, self._stop)
        counts = self.counts()
        return [
            *(fresh(*common) for _ in range(counts["fresh"])),
            *(keepalive(number, *common) for number in range(counts["keepalive"])),
            *(post(*common, self._book) for _ in range(counts["post"])),
            *(slow(*common) for _ in range(counts["slow"])),
            *(download(*common) for _ in range(counts["download"])),
            *(websocket(*common) for _ in range(counts["websocket"])),
        ]

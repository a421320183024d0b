"""A color's replicas, each of them: asked one by one, and watched for one that fails.

One good answer behind a name says nothing of the others, so the name is not used here: every edge
asks every replica at its own address.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Self
from urllib.parse import urlsplit

import httpx

from bluegreen.config.settings import Docker, Health
from bluegreen.docker.shell import Shell
from bluegreen.docker.transport import EdgeTransport
from bluegreen.docker.watch import LOG_LINES
from bluegreen.edge.opened import each
from bluegreen.errors import BluegreenError, SwitchFailed
from bluegreen.health.probe import Answer, Refused, ask, wait_until_healthy
from bluegreen.platforms.platform import Target
from bluegreen.platforms.swarm.tasks import FAILED, Task, changed_since, log_tail, read_tasks

NEW = 5.0  # seconds; a service that was changed longer ago was so by an update before this one
PULSE = 1.0  # a Swarm tells nobody when a replica fails: it has to be asked


class Replicas:
    """Sets `died` when a replica fails, while the `with` block lasts."""

    def __init__(self, service: str, wanted: int, docker: Docker, *, tries: int = 0) -> None:
        """Watch the service.

        Args:
            service: its name.
            wanted: how many replicas there shall be.
            docker: a manager of the Swarm.
            tries: for a gate: so many failures of one replica since the service was made or
                changed are too many. The Swarm starts it again after each; one that waits for
                something, a database say, may need that. 0: the gate has judged what was, and
                each failure from now on is one too many.
        """
        self._tries, self._failed = tries or 1, list[Task]()
        self.service, self.died = service, threading.Event()
        self._wanted, self._docker = wanted, docker
        self._changed = changed_since(docker, service, NEW) if tries else None
        self._forgiven: set[str] = set()
        self._worst: Task | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> Self:
        # What failed before this release, or in a try before this one, may be mended.
        since = self._changed
        self._forgiven = {
            task.identity
            for task in read_tasks(self._docker, self.service)
            if task.state in FAILED and not (since and task.created >= since)
        }
        self._thread.start()
        return self

    def _poll(self) -> None:
        while not self._closing.is_set():
            # A manager that is away for a moment is no replica's failure.
            with contextlib.suppress(BluegreenError):
                self._look()
            self._closing.wait(PULSE)

    def _look(self) -> list[Task]:
        tasks = read_tasks(self._docker, self.service)
        self._failed = [
            task for task in tasks if task.state in FAILED and task.identity not in self._forgiven
        ]
        counts = Counter(task.replica for task in self._failed)
        for task in self._failed:
            if counts[task.replica] >= self._tries or task.state == "rejected":
                self._worst = task
                self.died.set()
        return tasks

    def ask(self, shells: Mapping[str, Shell], url: str, health: Health, timeout: float) -> Answer:
        """Ask every replica from every edge; the first bad answer, if there is one.

        Args:
            shells: open shells in the edges, by name.
            url: as for one container; its host is replaced by each replica's address.
            health: what a good answer is.
            timeout: seconds for each answer.
        """
        tasks = self._look()
        if self.died.is_set():
            return Answer(self.why(), self.why())
        running = [task for task in tasks if task.runs]
        # More than are wanted are somebody's wish, or about to go: they have to be well, too.
        if len(running) < self._wanted or any(task.wanted and not task.runs for task in tasks):
            return self._incomplete(running, tasks)

        def ask_all(shell: Shell) -> tuple[Task, Answer]:
            with httpx.Client(transport=EdgeTransport(shell)) as client:
                for task in running:
                    netloc = f"{task.address}:{urlsplit(url).port}"
                    there = urlsplit(url)._replace(netloc=netloc).geturl()
                    answer = ask(client, there, health, timeout)
                    if answer.complaint:
                        break
            return task, answer

        for edge, (task, answer) in each(shells, ask_all).items():
            if answer.complaint:
                self._worst = self._worst if self.died.is_set() else task
                who = f"{task.name} (asked from {edge})"
                return Answer(
                    f"{who}: {answer.complaint}",
                    f"{who}: {answer.seen}",
                    answer.version,
                    answer.wrong_version,
                )
        return Answer("", f"all {len(running)} replicas: {answer.seen}", answer.version)

    def _incomplete(self, running: list[Task], tasks: list[Task]) -> Answer:
        seen = f"{len(running)} of {self._wanted} replicas run"
        waiting = [task for task in tasks if task.wanted and not task.runs]
        if waiting:
            self._worst = waiting[0]
            seen += f"; {waiting[0].name} is {waiting[0].state}"
            seen += f": {waiting[0].said}" if waiting[0].said else ""
        if self._failed:
            self._worst = self._failed[0]
            seen += f"; {self.why()}"
        return Answer(seen, seen)

    def why(self) -> str:
        """Which replica failed and how, as a phrase."""
        task = self._worst
        if not task:
            return "its replicas are gone"
        return f"{task.name} {task.state}: {task.said or 'its process ended'}"

    def log_tail(self) -> str:
        """The last lines of the log of the replica that ails, each marked as such."""
        what = self._worst.identity if self._worst else self.service
        said = log_tail(self._docker, what, LOG_LINES)
        return "\n".join(f"    | {line}" for line in said.splitlines())

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(PULSE / 10)  # going back must not wait for a manager that hangs


def require_all(target: Target, shells: Mapping[str, Shell], health: Health) -> None:
    """Look at every replica once more: a gate that has passed is not run again for a switch.

    Raises:
        SwitchFailed: one is not well, and did not become so within the gate's time.
    """
    health = replace(health, passes=1)
    with Replicas(target.container, target.replicas, target.docker) as replicas:
        result = wait_until_healthy(
            lambda seconds: replicas.ask(shells, target.url, health, seconds),
            health,
            died=replicas.died,
            why=replicas.why,
        )
    if isinstance(result, Refused):
        raise SwitchFailed(f"{result.reason}, last seen: {result.last}; nothing was switched")

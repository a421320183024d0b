"""Load for one URL on this machine: several kinds of client at once, every request's fate counted.

In a process of its own, while the caller does something else::

    with load.running("http://127.0.0.1:8080") as traffic:
        deploy()
    assert traffic.report.failed_total == 0, traffic.report.summary()

On the caller's event loop::

    async with load.Load("http://127.0.0.1:8080") as traffic:
        ...
    traffic.report

By hand: ``python -m evidence.load --url http://127.0.0.1:8080``.
"""

from .errors import LoadError, NotLocal
from .plan import Plan, Target
from .process import Running, running
from .report import Report, Stalls, Websockets, Writes
from .run import Load
from .switches import Seen

__all__ = [
    "Load",
    "LoadError",
    "NotLocal",
    "Plan",
    "Report",
    "Running",
    "Seen",
    "Stalls",
    "Target",
    "Websockets",
    "Writes",
    "running",
]

"""Which tests one worker runs: those that share what is dear, and what must not be there twice."""

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# The cluster's tests stop its daemons; the wheel's install it once; those of the shared edge go on
# from each other; all requests are sent to one stack.
TOGETHER = (
    "tests/cluster/",
    "tests/e2e/test_wheel.py",
    "tests/e2e/test_shared_edge.py",
    "tests/e2e/test_requests.py",
)


# What waits more than it works goes first: last, one worker would be busy with it alone.
WAITING = ("tests/e2e/test_tls.py", "tests/e2e/test_services.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rest stays in its order."""
    items.sort(key=lambda item: not item.nodeid.startswith(WAITING))


class OneWorker(LoadScopeScheduling):  # type: ignore[misc]
    """Lets one worker run all tests of each of these; the others go to whoever is free.

    xdist's marks for that do nothing, and say nothing, with pytest 9.2 (its issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((each for each in TOGETHER if nodeid.startswith(each)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneWorker | None:
    """Take that for --dist loadgroup, and xdist's own for others."""
    return OneWorker(config, log) if config.getvalue("dist") == "loadgroup" else None

"""Writes, remembered as they are acknowledged and looked for at the end."""

import secrets

import httpx

from .fates import DOUBLED, LOST, UNVERIFIED, Ledger
from .report import Writes

PAGE_SIZE = 5000
SEARCH_SECONDS = 30.0


class WriteBook:
    """The ids of this run's writes: which were sent, which the service said it has."""

    def __init__(self) -> None:
        """Choose a prefix that no other run has."""
        self.prefix = f"load-{secrets.token_hex(4)}-"
        self._sent = 0
        self._acknowledged: set[int] = set()

    def next_id(self) -> tuple[int, str]:
        """Return the number and the id of a write that is about to be sent."""
        self._sent += 1
        return self._sent, self.id_of(self._sent)

    def acknowledge(self, number: int) -> None:
        """Remember that the service said that it has this write."""
        self._acknowledged.add(number)

    def id_of(self, number: int) -> str:
        """Return a write's id."""
        return f"{self.prefix}{number:07d}"

    def so_far(self) -> Writes:
        """Return the counts without looking for anything."""
        return Writes(self._sent, len(self._acknowledged))

    def settle(self, found: dict[str, int], ledger: Ledger) -> None:
        """Compare with what is there: each acknowledged write once, and none twice."""
        lost = [n for n in sorted(self._acknowledged) if not found.get(self.id_of(n))]
        # A write that failed may be there or not, but twice is wrong for it as well.
        doubled = {name: count for name, count in sorted(found.items()) if count > 1}
        for number in lost:
            ledger.found("post", LOST, f"{self.id_of(number)} was acknowledged and is not there")
        for name, count in doubled.items():
            ledger.found("post", DOUBLED, f"{name} is there {count} times")
        ledger.writes = Writes(
            self._sent, len(self._acknowledged), len(lost), len(doubled), verified=True
        )

    def give_up(self, reason: str, ledger: Ledger) -> None:
        """Count the acknowledged writes as failures: nobody knows what became of them."""
        ledger.writes = self.so_far()
        ledger.found("post", UNVERIFIED, reason, len(self._acknowledged) or 1)


def count_by_search(url: str, prefix: str) -> dict[str, int]:
    """Ask the stand-in's search how often each id with this prefix was written."""
    found: dict[str, int] = {}
    with httpx.Client(base_url=url, trust_env=False, timeout=SEARCH_SECONDS) as client:
        page = 1
        while True:
            answer = client.get(
                "/api/search", params={"query": prefix, "limit": PAGE_SIZE, "page": page}
            )
            answer.raise_for_status()
            rows = answer.json()
            found.update({row["uid"]: row["writes"] for row in rows})
            if len(rows) < PAGE_SIZE:
                return found
            page += 1

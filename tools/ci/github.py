"""The one comment in a pull request, made once and kept up to date."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from bluegreen.cli.errors import CommandError

MARK = "<!-- bluegreen: what this would release -->"


class PullRequest:
    """A pull request on GitHub."""

    def __init__(self, client: httpx.Client, repository: str, number: str) -> None:
        """Take a client that knows GitHub's address and the token."""
        self._client = client
        self._comments = f"/repos/{repository}/issues/{number}/comments"
        self._one = f"/repos/{repository}/issues/comments"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "PullRequest | None":
        """The pull request that a workflow runs for; None at a desk."""
        number, token = environ.get("PULL_REQUEST"), environ.get("GITHUB_TOKEN")
        if not number or not token:
            return None
        client = httpx.Client(
            base_url=environ.get("GITHUB_API_URL", "https://api.github.com"),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
            timeout=30,
        )
        return cls(client, environ["GITHUB_REPOSITORY"], number)

    def tell(self, text: str, *, worth_a_new_comment: bool) -> None:
        """Write our comment anew; make it where there is none and it is worth one.

        Raises:
            CommandError: GitHub did not take it.
        """
        body = {"body": f"{MARK}\n{text}"}
        try:
            for comment in self._all():
                if comment["body"].startswith(MARK):
                    path = f"{self._one}/{comment['id']}"
                    self._client.patch(path, json=body).raise_for_status()
                    return
            if worth_a_new_comment:
                self._client.post(self._comments, json=body).raise_for_status()
        except httpx.HTTPError as error:
            raise CommandError(f"the comment could not be written: {error}") from None

    def _all(self) -> Iterator[dict[str, Any]]:
        address = f"{self._comments}?per_page=100"
        while address:
            answer = self._client.get(address).raise_for_status()
            yield from answer.json()
            address = answer.links.get("next", {}).get("url", "")

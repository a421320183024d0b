"""A stack's identity: the first resource that it makes, so that its state has it before Docker.

What the stack makes carries its id as a label; a state that has another id, or none, does not
own what it finds. The key keeps fingerprints in labels from being guessed at.
"""

import secrets
import uuid
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from bluegreen.platforms.dynamic import Provider


class IdentityProvider(Provider):
    """Makes the id and the key once; nothing changes them."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Never another one."""
        return DiffResult(changes=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """An id that no other stack has, and a key that nobody knows."""
        return CreateResult(id_=str(uuid.uuid4()), outs=props | {"key": secrets.token_urlsafe(32)})


class Identity(Resource, module="bluegreen", name="Identity"):
    """The stack's id, and the key of its fingerprints (a secret)."""

    key: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        """Declare it."""
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key"])
        super().__init__(
            IdentityProvider(), name, {"key": None}, pulumi.ResourceOptions.merge(opts, secret)
        )

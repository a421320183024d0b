"""Former names of the modules whose providers are pickled, by name, in the states of stacks.

`pulumi refresh` and `pulumi destroy` use a provider as the state names it, without running the
program; so the modules of today have to keep their names, and those of before have to be found.
"""

import importlib
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader

FORMER = {
    "bluegreen.gate": "bluegreen.resources.gate",
    "bluegreen.data.step": "bluegreen.resources.data_step",
    "bluegreen.swarm": "bluegreen.platforms.swarm",
    "bluegreen.swarm.scale": "bluegreen.platforms.swarm.scale",
}


class FormerModules:
    """Finds a module of today by its former name, and loads it.

    Without the base classes in importlib.abc: they import tempfile, zipfile and more.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 (the finder's signature)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Only for names that a state may have; the usual finders have come first."""
        return ModuleSpec(fullname, cast("Loader", self)) if fullname in FORMER else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself: a class must be the same by both names."""
        return importlib.import_module(FORMER[spec.name])

    def exec_module(self, module: ModuleType) -> None:
        """It has run already."""

"""The data modes: one module each, behind one Protocol (`mode.Mode`).

Nobody else asks which mode it is: `of` gives the one that the settings name.
"""

from collections.abc import Mapping

from bluegreen.config.settings import Settings
from bluegreen.data.modes.clone import Clone
from bluegreen.data.modes.external import External
from bluegreen.data.modes.mode import Ground, Mode
from bluegreen.data.modes.nothing import Nothing
from bluegreen.data.modes.shared import Shared

_KINDS: tuple[type[Mode], ...] = (Shared, Clone, External, Nothing)
KINDS: Mapping[str, type[Mode]] = {kind.name: kind for kind in _KINDS}


def of(settings: Settings) -> Mode:
    """The stack's data mode."""
    ground = Ground(settings.data, settings.database_url, settings.data_path, settings.docker)
    return on(ground)


def on(ground: Ground) -> Mode:
    """The data mode that these settings of the data name."""
    return KINDS[ground.data.mode](ground)


def named(mode: str) -> type[Mode]:
    """The kind of a mode by its name in a file or an output; the default of a name that is none."""
    return KINDS.get(mode, Shared)

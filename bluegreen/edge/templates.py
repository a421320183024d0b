"""Where the files of nginx/ are: configs, fragments, and the scripts that run in the edge.

They are a folder of their own in the repository, for whoever looks for nginx's config, and part of
the package in a wheel, which has nothing beside it.
"""

from pathlib import Path

_PACKAGED = Path(__file__).resolve().parents[1] / "nginx"
TEMPLATES = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parents[1] / "nginx"

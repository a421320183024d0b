"""Blue-green releases of an HTTP service on Docker, behind nginx, as a Pulumi program."""

import sys

from bluegreen.pickled import FormerModules

sys.meta_path.append(FormerModules())

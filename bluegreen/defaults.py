"""The defaults: Grafana's. The only place in the code that knows Grafana.

Another HTTP service overrides them in its stack's config.
"""

import os

# The environment may name other *default* images: machines that no image registry answers
# build their own (see toolchain/README.md). Config always wins over the environment.
GRAFANA = "grafana/grafana"
IMAGE = os.environ.get("BLUEGREEN_IMAGE", GRAFANA)
EDGE_IMAGE = os.environ.get("BLUEGREEN_EDGE_IMAGE", "nginx:1.30.6")

PORT = 3000
DATA_PATH = "/var/lib/grafana"
INI_TARGET = "/etc/grafana/grafana.ini"
VERSION_ARG = "GRAFANA_VERSION"

HEALTH_PATH = "/api/health"
HEALTH_JSON = {"database": "ok"}
HEALTH_VERSION_FIELD = "version"

# Grafana finishes requests for up to 30 s after SIGTERM; killing it sooner loses them.
STOP_GRACE = 40

"""The defaults: Grafana's. The only place in the code that knows Grafana.

Another HTTP service overrides them in its stack's config.
"""

import os

# The environment may name other *default* images: machines that no image registry answers
# build their own (see tools/setup/README.md). Config always wins over the environment.
GRAFANA = "grafana/grafana"
IMAGE = os.environ.get("BLUEGREEN_IMAGE", GRAFANA)
EDGE_IMAGE = os.environ.get("BLUEGREEN_EDGE_IMAGE", "nginx:1.30.6")

# Python, to copy volumes with; and each database's own tools.
_TOOLS = os.environ.get("BLUEGREEN_TOOLS_IMAGE", "")
TOOLS_IMAGE = _TOOLS or "python:3.13-slim"
CLIENT_IMAGES = {"postgres": _TOOLS or "postgres:18", "mysql": _TOOLS or "mysql:8.4"}
# lego, by which certificates are got.
ACME_IMAGE = _TOOLS or "goacme/lego:v4.35.2"

PORT = 3000
DATA_PATH = "/var/lib/grafana"
# SQLite as one database for two processes: readers and a writer at once, and a query that meets a
# lock tries again. (Its busy time-out is the driver's, 5 s.)
SQLITE_ENV = {"GF_DATABASE_WAL": "true", "GF_DATABASE_QUERY_RETRIES": "10"}
DATABASE_ENV = {"GF_DATABASE_MIGRATION_LOCKING": "true"}
# Of replicas that start at once one migrates; the others wait for it instead of giving up.
REPLICAS_ENV = {"GF_DATABASE_LOCKING_ATTEMPT_TIMEOUT_SEC": "600"}
URL_ENV = "GF_DATABASE_URL"
READS = ("/api/ds/query",)  # a POST, for queries are long
INI_TARGET = "/etc/grafana/grafana.ini"
VERSION_ARG = "GRAFANA_VERSION"

HEALTH_PATH = "/api/health"
HEALTH_JSON = {"database": "ok"}
HEALTH_VERSION_FIELD = "version"

# Grafana finishes requests for up to 30 s after SIGTERM; killing it sooner loses them.
STOP_GRACE = 40

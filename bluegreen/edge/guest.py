"""What the config of a service says that shares its edge: by which hosts and paths it is reached.

Its claims stand in the config's own text, for nginx/edge.sh, which refuses what another service has
claimed and leads paths of a host to the services that have them.
"""

import re
from collections.abc import Mapping

from bluegreen.config.settings import Settings
from bluegreen.edge.templates import fragment

PORTS = "include /run/bluegreen/each.conf; # the ports"
# A service that has the edge for itself gets whatever comes.
ALONE = {
    "claims": "",
    "guest": "",
    "reached by": PORTS,
    "elsewhere": "",
    "look": "",
    "barred": "",
}
DEFAULT = "default"  # the claim to what no other service has


def claims_of(settings: Settings) -> list[str]:
    """What a service claims on a shared edge: each HOST/PATH, and the default."""
    hosts = [f"{host}{settings.path_prefix or '/'}" for host in settings.hosts]
    preview = [f"{settings.preview_host}/"] if settings.preview_host else []
    return [*hosts, *preview, *([DEFAULT] if settings.default else [])]


def guest(
    settings: Settings, known: Mapping[str, str], handed: Mapping[str, str]
) -> dict[str, str]:
    """The slots of nginx/colors.conf that say how the service is reached.

    Args:
        settings: the stack's settings.
        known: id and name of the service.
        handed: how a request is handed over to another server of this nginx.
    """
    names = [] if settings.path_prefix else list(settings.hosts)
    names += [settings.preview_host] if settings.preview_host else []
    names += ['""', '"~."'] if settings.default else []
    barred = settings.preview_host and settings.preview_from == "private"
    by_name = f"{PORTS}\nserver_name {' '.join(names)};" if names else "# A path of other hosts."
    maps = fragment("guest", {**known, "barred": "look0 1;" if barred else ""})
    if settings.strip_path_prefix:
        maps += "\n" + _rest(known["id"], settings.path_prefix)
    look = f"if ($host = {settings.preview_host}) {{ set $look look; }}"
    shut = "The color that is not live is shown to private networks alone."
    return {
        "claims": f"# claims: {' '.join(claims_of(settings))}\n# names: {' '.join(names)}",
        "guest": maps,
        "reached by": by_name,
        "elsewhere": fragment("elsewhere", {"elsewhere": f"${known['id']}_elsewhere", **handed}),
        "look": look if settings.preview_host else "",
        "barred": f'if (${known["id"]}_barred) {{ return 403 "{shut}\\n"; }}' if barred else "",
    }


def _rest(identity: str, prefix: str) -> str:
    """A request's path without the prefix, as its client sent it."""
    path = re.sub(r"([^\w/-])", r"\\\1", prefix)
    return (
        f"map $request_uri ${identity}_rest {{\n"
        f'    "~^{path}(?<bluegreen_rest>/.*)$" $bluegreen_rest;\n'
        f'    "~^{path}(?<bluegreen_query>\\?.*)?$" /$bluegreen_query;\n'
        "    default $request_uri;\n}"
    )

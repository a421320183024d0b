"""Doctor: is everything there that a release needs? Each thing that is not, with its remedy."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from bluegreen.cli.certificates import read_certificates
from bluegreen.cli.errors import CommandError
from bluegreen.cli.project import Project
from bluegreen.config.images import image_reference
from bluegreen.data import modes
from bluegreen.docker.facts import kernel_of
from bluegreen.docker.shell import ask
from bluegreen.edge.files import HANDS_OVER
from bluegreen.edge.nginx import OLDEST
from bluegreen.errors import BluegreenError

LEAST_DISK = 2 << 30  # bytes; an image of Grafana is some 700 MB unpacked
PLUGINS = ("docker", "command")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was seen, and what to do when it is not well."""

    name: str
    well: bool
    seen: str
    todo: str = ""


def examine(project: Project) -> list[Finding]:
    """Look at everything; one failure does not hide another."""
    found = []
    for name, look in (
        ("pulumi", _pulumi),
        ("plugins", _plugins),
        ("config", _config),
        ("docker", _docker),
        ("edges", _edges),
        ("platform", _platform),
        ("disk", _disk),
        ("ports", _ports),
        ("edge image", _edge_image),
        ("images", _images),
        ("tools image", _tools_image),
        ("nginx", _nginx),
        ("replacing nginx", _replacing),
        ("certificates", _certificates),
    ):
        # An edge of its own has no colors, and no data.
        if project.said.settings.kind == "service" or look not in (_images, _tools_image):
            found.append(_safely(name, look, project))
    return found


def _safely(name: str, look: Callable[[Project], Finding], project: Project) -> Finding:
    try:
        return look(project)
    except (BluegreenError, CommandError, OSError) as error:
        return Finding(name, False, str(error), "fix the problem above first")


def _pulumi(_: Project) -> Finding:
    path = shutil.which("pulumi")
    if not path:
        return Finding("pulumi", False, "not on PATH", 'eval "$(make -s env)"')
    done = subprocess.run([path, "version"], capture_output=True, text=True, check=False)
    return Finding("pulumi", done.returncode == 0, done.stdout.strip(), "make setup")


def _plugins(_: Project) -> Finding:
    done = subprocess.run(["pulumi", "plugin", "ls"], capture_output=True, text=True, check=False)
    names = {line.split()[0] for line in done.stdout.splitlines() if line.split()}
    missing = [name for name in PLUGINS if name not in names]
    seen = f"missing: {', '.join(missing)}" if missing else ", ".join(PLUGINS)
    return Finding("plugins", not missing, seen, "make setup (or `pulumi install`)")


def _config(project: Project) -> Finding:
    said = project.said
    if said.mistakes:
        return Finding("config", False, "\n".join(said.mistakes), "fix the keys named here")
    if said.settings.kind == "edge":
        return Finding("config", True, "an edge that services share")
    color = said.settings.active_color
    seen = f"active_color {color}, version {said.settings.versions[color]}"
    return Finding("config", not said.doubts, "\n".join([seen, *said.doubts]), "put it in quotes")


def _docker(project: Project) -> Finding:
    done = ask(project.docker, "version", "--format", "{{.Server.Version}}")
    seen = done.stdout.strip() or done.stderr.strip()
    todo = "start the daemon, or name another with docker:host"
    return Finding("docker", done.returncode == 0, seen, todo)


def _edges(project: Project) -> Finding:
    seen, well = [], True
    for edge in project.edges:
        done = ask(edge.docker, "version", "--format", "{{.Server.Version}}")
        well = well and done.returncode == 0
        seen.append(f"{edge.name}: {done.stdout.strip() or done.stderr.strip()}")
    todo = "make sure that it answers; `ssh HOST docker version` says more"
    return Finding("edges", well, "; ".join(seen), todo)


def _platform(project: Project) -> Finding:
    platform = project.platform
    trouble = platform.trouble(project.docker)
    seen = f"{platform.name}: {trouble or platform.well}"
    return Finding("platform", not trouble, seen, platform.way_out)


def _disk(project: Project) -> Finding:
    done = ask(project.docker, "info", "--format", "{{.DockerRootDir}}")
    folder = done.stdout.strip()
    if project.docker.host or os.environ.get("DOCKER_HOST") or not os.path.isdir(folder):
        return Finding("disk", True, "Docker's disk is not on this machine")
    free = shutil.disk_usage(folder).free
    todo = "docker image prune"
    return Finding("disk", free > LEAST_DISK, f"{free / (1 << 30):.1f} GB free in {folder}", todo)


def _ports(project: Project) -> Finding:
    if project.said.settings.edge:
        return Finding("ports", True, f"those of the edge of {project.said.settings.edge}")
    if (
        project.docker.host
        or project.platform.many_edges
        or ask(project.docker, "inspect", f"{project.service}-edge").stdout != "[]\n"
    ):
        return Finding("ports", True, "in use by the edge, or Docker is on another host")
    settings = project.said.settings
    all_ports = (
        settings.http_port,
        settings.https_port,
        settings.preview_port,
        *settings.direct_ports.values(),
    )
    ports = [port for port in all_ports if port]
    taken = [port for port in ports if not _free(port)]
    seen = (
        f"in use: {', '.join(map(str, taken))}" if taken else f"free: {', '.join(map(str, ports))}"
    )
    return Finding("ports", not taken, seen, "free them, or choose other ports in the config")


def _free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except PermissionError:  # one below 1024, for whoever is not root: does anybody answer?
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", port)) != 0
    except OSError:
        return False
    return True


def _edge_image(project: Project) -> Finding:
    return _image("edge image", project, project.said.settings.edge_image)


def _images(project: Project) -> Finding:
    settings = project.said.settings
    if settings.build:
        return Finding("images", True, "built by the release")
    version = settings.versions[settings.active_color]
    return _image("images", project, image_reference(settings.image, version))


def _tools_image(project: Project) -> Finding:
    data = project.said.settings.data
    if not modes.named(data.mode).keeps_data:
        return Finding("tools image", True, "not needed: there is no data")
    return _image("tools image", project, data.tools_image)


def _image(name: str, project: Project, image: str) -> Finding:
    if ask(project.docker, "image", "inspect", image).returncode == 0:
        return Finding(name, True, f"{image} is available locally")
    done = ask(project.docker, "manifest", "inspect", image, timeout=30)
    if done.returncode == 0:
        return Finding(name, True, f"{image} can be pulled")
    return Finding(
        name,
        False,
        f"{image} is not available locally, and the registry does not offer it",
        "check name, tag and registry login",
    )


def _replacing(project: Project) -> Finding:
    seen = []
    for edge in project.edges:
        kernel = kernel_of(edge.docker)
        lost = "" if kernel >= HANDS_OVER else ", where some connections may be reset (before 5.14)"
        seen.append(f"{edge.name}: Linux {kernel[0]}.{kernel[1]}{lost}")
    return Finding("replacing nginx", True, "; ".join(seen))


def _certificates(project: Project) -> Finding:
    settings = project.said.settings
    if settings.kind == "edge" or not settings.tls:
        return Finding("certificates", True, "none: no `tls` in config")
    wanted = settings.hosts if settings.tls.acme else ()
    held = [
        each
        for place in project.places()
        for each in read_certificates(place, project.service, wanted)
    ]
    troubles = [
        f"{each.host or ', '.join(each.names)} {each.trouble}" for each in held if each.trouble
    ]
    seen = (
        "; ".join(troubles or [each.line for each in held])
        or "none yet: the next update asks for them"
    )
    todo = next((each.todo for each in held if each.trouble), "")
    return Finding("certificates", not troubles, seen, todo)


def _nginx(project: Project) -> Finding:
    place = project.places()[0]
    done = ask(place.docker, "exec", place.container, "nginx", "-v")
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        return Finding("nginx", True, "no edge is running yet")
    number = said.rpartition("/")[2].split()[0]
    well = tuple(int(part) for part in number.split(".")) >= OLDEST
    return Finding("nginx", well, said, f"an edge_image with nginx {'.'.join(map(str, OLDEST))}")

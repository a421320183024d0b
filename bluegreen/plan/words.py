"""A release in words: what an update will start, check, switch, watch and remove."""

from collections.abc import Collection, Mapping

from bluegreen.config.images import image_reference
from bluegreen.config.settings import Color, Settings, other
from bluegreen.data.plan import DataPlan, describe_data
from bluegreen.edge.state import State
from bluegreen.plan.fingerprint import Fingerprint
from bluegreen.plan.guard import Previous


def describe(
    settings: Settings,
    name: str,
    previous: Previous,
    edge: State | None,
    planned: Mapping[str, Fingerprint],
    data: DataPlan,
    missed: Collection[str] = (),
) -> str:
    """Tell the update in words; "" when it neither releases nor scales anything.

    Args:
        settings: the stack's settings.
        name: prefix of everything made in Docker.
        previous: what the last update left.
        edge: what nginx serves.
        planned: fingerprints of what the update will leave.
        data: what becomes of the data.
        missed: edges that do not answer, and that the update goes on without.
    """
    target, outgoing = settings.active_color, other(settings.active_color)
    live = edge.color if edge else previous.live
    running = previous.running or {}
    if live == target and running.get(target) == planned.get(target):
        return _describe_scaling(target, previous.replicas, settings.replicas_of(target))
    version = settings.versions[target]
    serves = f"{edge.color} {edge.version}" if edge else previous.live or "no color"
    image = image_reference(settings.image, version)
    made = f"build {settings.build.context} with version {version}" if settings.build else image
    health, bake = settings.health_of(target), settings.bake
    expected = [f"status {health.status}", *(f"{k} = {v}" for k, v in health.json.items())]
    if health.version_field:
        expected.append(f"version {health.version}")
    lines = [f"release {target} {version}; live now: {serves}"]
    lines.append(f"data    {describe_data(settings, name, data, edge, previous.data)}")
    if running.get(target) == planned.get(target):
        lines.append(f"start   nothing: {target} is on standby")
    else:
        count = f"{settings.swarm.replicas} replicas of " if settings.swarm else ""
        lines.append(f"start   {count}{name}-{target} from {made}")
    lines.append(
        f"check   GET {health.path}: {', '.join(expected)}; {health.passes} passes in a row "
        f"within {health.timeout:g} s"
    )
    edges = [edge.name for edge in settings.edges if f"{name}-{edge.part}" not in missed]
    where = (
        f" in {len(edges)} edges ({', '.join(edges)}) at once" if len(settings.edges) > 1 else ""
    )
    lines.append(f"switch  nginx{where} to {target}, on trial until confirmed")
    lines += [f"without {edge}: it does not answer, and follows when it is back" for edge in missed]
    if live:
        lines.append(
            f"watch   users' requests for {bake.seconds:g} s; back to {live} if more than "
            f"{bake.max_error_share:.0%} of {bake.min_requests} or more are answered 5xx"
        )
        lines.append(f"drain   open connections for up to {settings.drain_timeout} s")
    if live == outgoing:
        stays = outgoing in settings.declared
        fewer = f", {settings.replicas_of(outgoing)} replicas" if stays and settings.swarm else ""
        lines.append(f"{'keep  ' if stays else 'remove'}  {name}-{outgoing}{fewer}")
    return "\n".join([lines[0], *(f"  {line}" for line in lines[1:])])


def _describe_scaling(live: Color, before: int, after: int) -> str:
    """What becomes of users when the live color gets another number of replicas in place."""
    if not before or before == after:
        return ""
    words = f"scale {live} from {before} to {after} replicas, in place: no request is lost"
    if after > before:
        return words
    return (
        f"{words}, but WebSockets on those that go are closed at once\n"
        "  or      `bluegreen deploy`, which gives them their drain on the other color"
    )

"""A release in words: what an update will start, check, switch, watch and remove."""

from collections.abc import Collection, Mapping

from bluegreen.config.images import image_reference
from bluegreen.config.settings import Settings, other
from bluegreen.data.plan import describe_data
from bluegreen.edge.guest import claims_of
from bluegreen.plan.fingerprint import Fingerprint, tell, without_gap
from bluegreen.plan.planned import Plan
from bluegreen.platforms import of


def describe(plan: Plan) -> str:
    """Tell the update in words; "" when it releases and scales nothing, and nothing is gone."""
    settings, situation = plan.settings, plan.situation
    name, previous, edge = situation.name, situation.previous, situation.edge
    target, outgoing = settings.active_color, other(settings.active_color)
    live, missed, platform = situation.live, situation.troubles, of(settings)
    replaced = replacements(settings, previous.running or {}, plan.made_of, plan.unchanged)
    if live == target and target in plan.unchanged:
        scaled, gone = platform.scaling(settings, previous.replicas), _gone(plan)
        more = [
            *replaced,
            *([f"standby {gone}"] if gone and (scaled or replaced) else []),
        ]
        if scaled or more:
            return "\n  ".join([scaled or "no color is released", *more])
        return f"no color is released; {gone}" if gone else ""
    version = settings.versions[target]
    serves = f"{edge.color} {edge.version}" if edge else previous.live or "no color"
    image = image_reference(settings.image, version)
    made = f"build {settings.build.context} with version {version}" if settings.build else image
    if plan.image.identity:
        made += f" as it was released before ({plan.image.identity[:19]})"
    if plan.image.gone:
        made += f" by its tag; the image that {target} ran before ({plan.image.gone[:19]}) is gone"
    health, bake = settings.health_of(target), settings.bake
    expected = [f"status {health.status}", *(f"{k} = {v}" for k, v in health.json.items())]
    if health.version_field:
        expected.append(f"version {health.version}")
    lines = [f"release {target} {version}; live now: {serves}"]
    lines.append(f"data    {describe_data(settings, name, plan.data, edge, previous.data)}")
    if target in plan.unchanged:
        lines.append(f"start   nothing: {target} is on standby")
    else:
        lines.append(f"start   {platform.count(settings, target)}{name}-{target} from {made}")
    lines.append(
        f"check   GET {health.path}: {', '.join(expected)}; {health.passes} passes in a row "
        f"within {health.timeout:g} s"
    )
    places = zip(settings.edges, settings.places(name), strict=True)
    edges = [edge.name for edge, place in places if place.container not in missed]
    where = (
        f" in {len(edges)} edges ({', '.join(edges)}) at once" if len(settings.edges) > 1 else ""
    )
    shares = f" of {settings.edge}" if settings.edge else ""
    lines.append(f"switch  nginx{shares}{where} to {target}, on trial until confirmed")
    if settings.edge:
        lines.append(f"reach   {', '.join(claims_of(settings))}")
    lines += [
        f"without {edge}: it does not answer; it catches up when it is back" for edge in missed
    ]
    if live:
        lines.append(
            f"watch   users' requests for {bake.seconds:g} s; back to {live} if more than "
            f"{bake.max_error_share:.0%} of {bake.min_requests} or more are answered 5xx"
        )
        lines.append(f"drain   open connections for up to {settings.drain_timeout} s")
    if live == outgoing:
        stays = outgoing in settings.declared
        fewer = platform.keeps(settings, outgoing) if stays else ""
        lines.append(f"{'keep  ' if stays else 'remove'}  {name}-{outgoing}{fewer}")
    return "\n".join([lines[0], *(f"  {line}" for line in [*replaced, *lines[1:]])])


def replacements(
    settings: Settings,
    running: Mapping[str, Fingerprint],
    made_of: Mapping[str, Fingerprint],
    unchanged: Collection[str],
) -> list[str]:
    """Which nginx is replaced, and what it is made of from then on."""
    found = []
    for edge in settings.own_edges:
        before, after = running.get(edge.part), made_of.get(edge.part)
        if before and after and edge.part not in unchanged and without_gap(before, after):
            found.append(
                f"nginx   is replaced in {edge.part} without a gap ({tell(before, after)}); what "
                f"is open there gets {settings.drain_timeout} s"
            )
    return found


def _gone(plan: Plan) -> str:
    """That the color to be kept on standby is not there any more; "" when it is."""
    color, target = plan.gone_standby, plan.settings.active_color
    if not color:
        return ""
    version = plan.situation.previous.versions[color]
    return (
        f"{color} {version}, on standby, is gone. It is not started "
        f"again beside {target}: until the next release, a rollback has to start it first"
    )

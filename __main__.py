"""A stack: its settings, the service in two colors, what it puts out."""

from pathlib import Path

import pulumi

from bluegreen import interrupt, stack
from bluegreen.errors import BluegreenError
from bluegreen.service import BlueGreenService

ROOT = Path(__file__).resolve().parent

interrupt.end_quietly()

try:
    settings = stack.read_settings(ROOT)
    plan = stack.guarded(settings, ROOT)
except BluegreenError as error:
    raise pulumi.RunError(str(error)) from None

if plan.words and pulumi.runtime.is_dry_run():
    pulumi.log.info(plan.words)

service = BlueGreenService(
    plan.name, settings, root=ROOT, data_plan=plan.data, serves=plan.serves, drift=plan.drift
)

pulumi.export("url", service.url)
if len(service.urls) > 1:
    pulumi.export("urls", service.urls)
pulumi.export("live", service.live)
pulumi.export("standby", service.standby or {})
pulumi.export("direct_urls", service.direct_urls)
pulumi.export("data", service.data)
pulumi.export("switch", service.report)
# What the guard of the next update compares with. Secret, as digests of secrets are in it.
pulumi.export("fingerprints", pulumi.Output.secret(plan.fingerprints))

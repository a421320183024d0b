"""What a tag promises of the version that a service reports."""

import re


def version_matches(wanted: str, reported: str) -> bool | None:
    """Whether a reported version is what a tag promises; None when the tag promises none.

    `12.4` accepts 12.4.x; `12.4.0-ubuntu` and `v12.4.0` accept 12.4.0; `latest` and digests
    name no version.
    """
    if wanted == reported:
        return True
    promise = re.match(r"v?(\d+(?:\.\d+)*)(?![\d:])", wanted)
    if not promise or wanted.startswith("sha256:"):
        return None
    got = re.match(r"v?(\d+(?:\.\d+)*)", reported)
    parts = promise[1].split(".")
    return bool(got) and got[1].split(".")[: len(parts)] == parts  # type: ignore[index]

"""Names of what holds data in Docker."""


def data_of(service: str) -> str:
    """The volume that a service's data began in."""
    return f"{service}-data"


def copy_of(service: str, copy: str) -> str:
    """The volume of a copy of the data: of a restored snapshot, or a clone; "" = the first."""
    return f"{data_of(service)}-{copy}" if copy else data_of(service)


def snapshots_of(service: str) -> str:
    """The volume that the snapshots are in."""
    return f"{service}-snapshots"


def step_of(service: str) -> str:
    """The container in which a release copies data."""
    return f"{service}-data-step"

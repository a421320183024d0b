"""What can go wrong in the load itself, as opposed to what it finds out.

LoadError
└── NotLocal   asked to load something that is not on this machine

A request that fails is no error here but a finding: see ``fates.Failure``.
"""


class LoadError(Exception):
    """The load cannot be run as asked."""


class NotLocal(LoadError):
    """The URL leads away from this machine."""

"""What keeps the benchmark from measuring; what it measures is no error, however bad.

BenchError
└── Stopped   a series ended before its time (in ``series``, as it carries one)
"""


class BenchError(Exception):
    """A part could not be measured; the message says what was seen."""

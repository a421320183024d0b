"""What keeps the benchmark from measuring; what it measures is no error, however bad."""


class BenchError(Exception):
    """A part could not be measured; the message says what was seen."""

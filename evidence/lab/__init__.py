"""A laboratory: real stacks of one's own, for the tests, the benchmark and the fault matrix.

Real engine, real daemon, real nginx; names and ports nobody else has; nothing stays behind.
"""

"""What is done with volumes, inside a container that has Python's standard library alone.

The modules here go in on standard input (see `tools.run_inside`), so they import nothing but the
standard library and those of them that come before (`tools.MODULES`).
"""

"""`python3 -m tools.setup setup` and `eval "$(python3 -m tools.setup env)"`."""

from __future__ import annotations

import argparse
import sys

OLDEST_PYTHON = (3, 11)


def main() -> int:
    """Exit code 0 if all is in place, 1 if it is not, 130 if it was interrupted."""
    # Before the imports below, which an older Python may not even be able to read.
    if sys.version_info < OLDEST_PYTHON:
        print("toolchain: Python 3.11 or later is needed", file=sys.stderr)
        return 1

    from tools.setup.environment import as_shell, exports, prepare_state
    from tools.setup.errors import ToolchainError
    from tools.setup.machine import Machine
    from tools.setup.steps import STEPS, set_up

    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    setup = verbs.add_parser("setup", help="install what is missing")
    setup.add_argument("--without", nargs="+", choices=STEPS, default=[], help="skip these steps")
    setup.add_argument("--refresh", action="store_true", help="check again what the network offers")
    verbs.add_parser("env", help="print the environment for a shell to eval")
    options = parser.parse_args()

    machine = Machine.here()
    try:
        if options.verb == "setup":
            set_up(machine, options.without, options.refresh)
        else:
            variables = exports(machine.places, machine.choices, machine.environ)
            prepare_state(machine.places.state)
            sys.stdout.write(as_shell(variables))
    except ToolchainError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        # `eval` succeeds with nothing to evaluate, so what it evaluates has to fail.
        if options.verb == "env":
            print("false")
        return 1
    except KeyboardInterrupt:
        print("toolchain: interrupted; run it again to continue", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Where `bluegreen` starts: a Ctrl-C that comes while it still loads ends it quietly too."""

import signal


def main() -> None:
    """Load the command line and run it."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # loading takes a second, and has nothing to undo
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bluegreen.cli.app import main as run

    signal.signal(signal.SIGINT, usual)
    run()

"""How a Pulumi program ends when it is interrupted: at once, without a word, and never with 0.

When an update fails, or the user presses Ctrl-C, the engine says so itself, and Pulumi's language
host interrupts the program, which may still wait for resources that nobody will make. Python's own
answer is a traceback of some forty lines around the engine's message (host 3.260), and then often
no end at all until the host kills the program after 5 s: the SDK waits for its threads, and they
for the engine.
"""

import signal
import threading

import pulumi
from pulumi.runtime.proto import resource_pb2_grpc


def end_quietly() -> None:
    """Let an interrupt end this process at once, if it is a Pulumi program with no other wish.

    The component does this itself; a program that does much before it, such as asking Docker what
    runs, does it first. It does nothing in any other process, such as a command line, a test on
    mocks, or one that runs the program inline by the Automation API, nor where an interrupt has a
    handler already.
    """
    if (
        isinstance(pulumi.runtime.settings.get_monitor(), resource_pb2_grpc.ResourceMonitorStub)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        # The system's own way: a handler in Python would have to wait until the main thread comes
        # to it. Nothing printed is lost, as the host runs programs unbuffered. Ended by a signal
        # is never 0, with which Pulumi would delete what the program had not declared yet.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

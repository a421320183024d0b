"""A stack: its config, the service in two colors, what it puts out."""

from pathlib import Path

from bluegreen.program import declare

declare(Path(__file__).resolve().parent)

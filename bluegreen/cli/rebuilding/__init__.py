"""Rebuilding a lost state: the engine writes it anew, and is given what runs instead of making it.

The program runs as in any update; only its plugins are stood in for (`relay`). A plugin is told to
make something, finds what is there already (`found`), and returns it as the real plugin reads it.
What a release does and does not leave in Docker is filled in from what the edge says (`acts`).
"""

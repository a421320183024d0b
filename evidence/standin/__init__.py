"""A stand-in for Grafana, for machines where no image registry answers.

It is not Grafana and says so wherever somebody looks: on its page, in the header ``X-Stand-In`` of
every answer, and in the first line of its log. It speaks the part of Grafana's surface that a
blue-green release touches (health, slow boot, migration of a shared SQLite file, sessions, writes,
live WebSockets, big OAuth headers), and it can be made to fail in the ways that a release must
survive. Only Python's standard library is used, so that its image needs nothing but ``python3``.
"""

NAME = "stand-in for Grafana"
"""What it calls itself, to people and to programs."""

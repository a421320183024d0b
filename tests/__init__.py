"""Tests, in three layers: units, the program (Pulumi mocks), end to end (real parts)."""

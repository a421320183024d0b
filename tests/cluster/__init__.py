"""Tests on a real Swarm of several nodes, each a Docker daemon of the tests' own."""

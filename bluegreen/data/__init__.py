"""The service's data in a release: where it is, what becomes of it, and copies of it."""

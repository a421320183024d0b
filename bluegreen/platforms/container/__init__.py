"""A color as one container, with the stack's data volume."""

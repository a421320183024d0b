"""What runs in a container of the project's own, by Python alone."""

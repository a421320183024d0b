"""Blue-green releases of an HTTP service on Docker, behind nginx, as a Pulumi program."""

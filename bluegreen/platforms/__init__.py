"""What a color is: one container, or a Swarm service of several replicas."""

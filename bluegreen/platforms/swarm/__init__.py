"""A color as a Swarm service of several replicas, behind one edge or several."""

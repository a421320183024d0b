"""What runs, what an update would make of it, and whether it may."""

"""`make demo`: one service, two switches under load, and the count of what they lost."""

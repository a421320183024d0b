"""The benchmark: what a switch loses, how fast releases, gate and edge are, beside a baseline."""

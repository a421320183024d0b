"""nginx in front of the colors, on one host or several."""

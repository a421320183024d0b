"""What the workflows in .github need besides `make` and `bluegreen`; it works at a desk too."""

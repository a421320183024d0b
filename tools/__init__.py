"""What installs the program's tool chain, and what its workflows call."""

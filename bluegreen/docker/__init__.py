"""The one connector to Docker: its command line, a shell in a container, and facts."""

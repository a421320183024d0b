"""The acts of a release: the gate and the switch."""

"""What a stack says: the table of keys, the reader, the settings they make."""

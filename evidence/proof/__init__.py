"""The proof that the data survives: a writer through every mode and path, each write looked for."""

"""What a good answer is, and asking until it comes."""

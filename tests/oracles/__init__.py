"""Second opinions: slow, obvious, and sharing no code with what they judge."""

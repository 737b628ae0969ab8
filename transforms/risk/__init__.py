"""What a table would tell about a person: equivalence classes and their values."""

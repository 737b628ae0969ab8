"""The gate at the entrance: what looks like an identifier in a column declared harmless."""

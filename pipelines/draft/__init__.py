"""A draft of a policy for an unknown source: read its schema and a sample, propose, explain."""

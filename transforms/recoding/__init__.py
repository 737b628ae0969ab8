"""Choosing a recoding: what one makes of a table, what it costs, the search for the best."""

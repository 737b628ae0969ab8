"""Choosing a recoding: histogram, loss, search."""

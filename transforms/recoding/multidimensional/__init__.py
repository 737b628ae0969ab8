"""Multidimensional recoding: a region for each combination, the cheapest label first."""

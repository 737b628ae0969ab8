"""Magnitude tables: counts and sums of events, bounded, noised, within a yearly budget."""

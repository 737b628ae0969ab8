"""The operational bank, through one small interface: a source URI → only the columns asked for.

A release asks for the columns that the policy lets it read and for nothing else; no query, scan
or projection names another column.
"""

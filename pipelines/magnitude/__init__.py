"""The effects of magnitude tables: keys, noise, and the ledger of what was spent."""

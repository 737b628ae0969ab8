"""The opt-out list: kept (registry, vault), filled (importing, drop), asked who it is (lookup)."""

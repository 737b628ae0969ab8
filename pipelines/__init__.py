"""Effects: network, disk, clock, keys, scheduler. What happens to the data is in `transforms`."""

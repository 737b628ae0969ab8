"""One flat file with hierarchies in, a recoded file and its risk out; no home, no key, no list."""

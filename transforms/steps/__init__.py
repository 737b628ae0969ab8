"""One act a file, in the order in which a release runs them."""

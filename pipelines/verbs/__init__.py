"""The verbs of the command line, a module a group; what does the work is imported when one runs."""

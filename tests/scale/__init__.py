"""Several processes as one, and what is asked of many: sources, contacts, callers."""

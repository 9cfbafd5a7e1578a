"""Lists, or runs of equal keys, that are sorted here."""

"""The same person in several sources: keys, and the candidates that a search finds."""

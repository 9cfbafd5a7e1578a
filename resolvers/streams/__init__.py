"""Streams: one source's contacts in order, read on demand, whatever way the source pages (DESIGN.md 5 and 6)."""

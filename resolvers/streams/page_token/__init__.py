"""Lists that are paged by tokens."""

"""Lists that are paged by number."""

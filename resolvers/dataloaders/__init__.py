"""Look-ups of contacts, batched an operation."""

"""What processes share over Redis."""

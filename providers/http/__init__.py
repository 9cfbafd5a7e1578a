"""HTTP/1.1 to the sources."""

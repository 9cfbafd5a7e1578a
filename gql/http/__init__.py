"""HTTP: the application, its endpoints, who may ask, and the server under it."""

"""A small server that plays the API, for tests and the demo."""

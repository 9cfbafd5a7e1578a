"""What the fake servers of the providers share. It models the outside and imports nothing else of `providers`."""

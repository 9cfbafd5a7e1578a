"""What clients see: schema, endpoint, limits, configuration and commands. May import `resolvers` and `providers`."""

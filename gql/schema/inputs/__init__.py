"""Input types, and what they become: `providers.spi.query` trees."""

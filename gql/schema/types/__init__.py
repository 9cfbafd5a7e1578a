"""The GraphQL types of the contract. They declare the schema; the values are records (DESIGN.md 1)."""

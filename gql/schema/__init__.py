"""The GraphQL schema. Strawberry begins here."""

"""REST: an API a package, and what they share. Imports neither `resolvers` nor `gql`; no API knows another."""

"""How an answer is made: plan, read, merge, page, match. May import `providers`, of these no single API; not `gql`."""

// The tabs a browser shows that has none saved. Their queries use nothing that is not in the public schema
// (schema.graphql) and name no source, so that they run over any configuration.

const contacts = `# One page over every source, in one order.
# Ctrl-Enter runs it, Ctrl-Space completes.
# The book on the left is the schema.
query Contacts {
  contacts(first: 8) {
    totalCount
    edges {
      cursor
      node {
        id
        displayName
        email
        phone
        source {
          name
          provider
        }
        updatedAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    sources {
      source {
        name
      }
      status
      totalCount
    }
  }
}
`;

const explained = `# What was each source asked for this?
# The header X-Contactgraph-Explain has it told
# under extensions.plan, below the data.
query Explained($first: Int!) {
  contacts(first: $first) {
    edges {
      node {
        displayName
        source {
          name
        }
      }
    }
    sources {
      source {
        name
      }
      status
      totalCount
    }
  }
}
`;

export const explainHeader = JSON.stringify({ "X-Contactgraph-Explain": "1" }, null, 2);

export const tabs = [
  { query: contacts, headers: explainHeader },
  { query: explained, variables: JSON.stringify({ first: 3 }, null, 2), headers: explainHeader },
];

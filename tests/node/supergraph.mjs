// Puts the gateway's subgraph and the two of docs/supergraph.md behind @apollo/gateway and asks it.
// In: {contactgraph: {url, sdl}, support: {sdl, tickets, agents}, calls: {sdl, calls}, operations: [{query, variables}]}.
// Out: the answers, in the operations' order. The two small subgraphs live on loopback as long as this process.
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { composeServices } from "@apollo/composition";
import { ApolloGateway } from "@apollo/gateway";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { parse } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";

/** Tickets about contacts, which it knows by global id; `contact` and `agent` of a ticket are such ids. */
function support({ sdl, tickets, agents }) {
  const reference = (id) => ({ __typename: Buffer.from(id, "base64").toString().split(":")[0], id });
  const node = (id) => {
    const ticket = tickets.find((each) => each.id === id);
    return ticket ? { __typename: "Ticket", ...ticket } : reference(id);
  };
  const user = ({ id }) => ({ id, name: agents[id].name, openTickets: agents[id].openTickets });
  return buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: {
      Query: {
        node: (_, { id }) => node(id),
        nodes: (_, { ids }) => ids.map(node),
        tickets: () => ({ nodes: tickets, pageInfo: { hasNextPage: false, hasPreviousPage: false } }),
      },
      Ticket: {
        __resolveReference: ({ id }) => tickets.find((each) => each.id === id),
        contact: ({ contact }) => contact && { id: contact },
        agent: ({ agent }) => agent && user({ id: agent }),
      },
      Contact: {
        __resolveReference: ({ id }) => ({ id }),
        tickets: ({ id }) => tickets.filter((each) => each.contact === id),
      },
      User: { __resolveReference: user },
    },
  });
}

/** Calls with contacts, which it knows by the source and the source's own id. */
function calls({ sdl, calls }) {
  const contact = ({ nativeId, source }) => ({ nativeId, source: { name: source.name } });
  const same = (one, other) => one.nativeId === other.nativeId && one.source.name === other.source.name;
  return buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: {
      Query: { calls: () => calls },
      Contact: {
        __resolveReference: contact,
        calls: (asked) => calls.filter((each) => same(each.contact, asked)),
      },
    },
  });
}

/** Serves a schema on a free loopback port; returns the server and its address. */
async function serve(schema) {
  const server = createServer(createHandler({ schema }));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

/** Asks the gateway without a server around it: its executor is what Apollo Server calls. */
async function ask({ schema, executor }, { query, variables }) {
  const document = parse(query);
  const kept = new Map();
  return executor({
    request: { query, variables },
    source: query,
    document,
    operation: document.definitions[0],
    operationName: null,
    queryHash: query,
    schema,
    context: {},
    cache: { get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value) },
    logger: LOGGER,
    metrics: {},
  });
}

// Standard output is for the answers.
const LOGGER = { debug() {}, info() {}, warn: console.error, error: console.error };

const told = await json(process.stdin);
const served = { support: await serve(support(told.support)), calls: await serve(calls(told.calls)) };
const { errors, supergraphSdl } = composeServices(
  Object.entries({ ...served, contactgraph: told.contactgraph }).map(([name, { url }]) => ({
    name,
    url,
    typeDefs: parse(told[name].sdl),
  })),
);
if (errors) throw new AggregateError(errors, errors.map(String).join("\n"));

const gateway = new ApolloGateway({ supergraphSdl, logger: LOGGER });
const loaded = await gateway.load();
const answers = [];
for (const operation of told.operations) answers.push(await ask(loaded, operation));
await gateway.stop();
for (const { server } of Object.values(served)) {
  server.close();
  server.closeAllConnections();
}
process.stdout.write(JSON.stringify(answers));

// Composes each supergraph that standard input describes with both public composers.
// In: [{subgraph name: SDL}]. Out: for each, {composer: [error's code]}, empty lists where it composes.
import { json } from "node:stream/consumers";
import { composeServices as apollo } from "@apollo/composition";
import { composeServices as theGuild } from "@theguild/federation-composition";
import { parse } from "graphql";

const COMPOSERS = { "@apollo/composition": apollo, "@theguild/federation-composition": theGuild };

function compose(subgraphs) {
  const services = Object.entries(subgraphs).map(([name, sdl]) => ({
    name,
    url: `http://${name}.invalid/`,
    typeDefs: parse(sdl),
  }));
  return Object.fromEntries(Object.entries(COMPOSERS).map(([name, composer]) => [name, codes(composer(services))]));
}

function codes({ errors, supergraphSdl }) {
  if (errors === undefined && !supergraphSdl) throw new Error("neither errors nor a supergraph");
  return (errors ?? []).map((error) => error.extensions?.code ?? error.message);
}

process.stdout.write(JSON.stringify((await json(process.stdin)).map(compose)));

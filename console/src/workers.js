// Monaco asks for a worker by label. Vite only bundles a worker whose import it sees in a source file of ours,
// so graphiql's ready-made `setup-workers/vite` is of no use here.
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";

const workers = { graphql: GraphQLWorker, json: JsonWorker };

globalThis.MonacoEnvironment = {
  getWorker(_moduleId, label) {
    const Worker = workers[label] ?? EditorWorker;
    return new Worker();
  },
};

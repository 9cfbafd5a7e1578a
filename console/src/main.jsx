import "./workers.js";
import "graphiql/style.css";
import "./page.css";

import { createGraphiQLFetcher, createLocalStorage } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { withItsOperation } from "./operation.js";
import { explainHeader, tabs } from "./tabs.js";

// The page stands at the endpoint's own address: a gateway behind a path prefix needs no setting for it.
const send = createGraphiQLFetcher({ url: location.pathname });
const fetcher = (request, options) => send(withItsOperation(request), options);

// Several GraphiQLs may share one origin (every project is on localhost:8000 at some time).
const storage = createLocalStorage({ namespace: "contactgraph" });

createRoot(document.getElementById("console")).render(
  <StrictMode>
    <GraphiQL fetcher={fetcher} storage={storage} defaultTabs={tabs} defaultHeaders={explainHeader}>
      <GraphiQL.Logo>
        <span className="console-name">contactgraph</span>
      </GraphiQL.Logo>
    </GraphiQL>
  </StrictMode>,
);

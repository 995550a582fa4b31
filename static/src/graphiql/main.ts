/** GraphiQL, for the schema of the server that serves it. */

import "@fontsource-variable/inter/wght.css";
import "graphiql/graphiql.css";
import "./graphiql.css";
import type { Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { Session } from "../state/session";
import { ask } from "./fetcher";

const EXAMPLE = `# What is broken, why, and what depends on it. Ctrl-Enter runs it.
{
  state { state why }
  problems(first: 5) {
    reason
    message
    cause { kind namespace name resource { status pods(first: 3) { nodes { name status } } } }
    affected { total }
  }
  nodes(first: 10, filter: { kind: ["Deployment"] }) {
    totalCount
    nodes { namespace name status reason owns { nodes { name } } }
  }
}
`;

const url = new URL("graphql", document.baseURI).href;
const { token } = new Session();
const fetcher = ((params, options) => ask(url, params, options?.headers ?? {}, token)) as Fetcher;

const place = document.getElementById("graphiql");
if (place !== null) {
  const page = createElement(GraphiQL, { fetcher, defaultQuery: EXAMPLE, shouldPersistHeaders: false });
  createRoot(place).render(page);
}

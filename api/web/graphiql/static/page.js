import { createFetcher } from "./fetcher.js";

const defaultQuery = `# A bearer token goes into the headers below: {"Authorization": "Bearer ..."}
{
  ranking {
    revision
    topTen { rank score city { name } }
  }
}
`;

// A page for people leads here with the query that it shows.
const asked = new URL(location.href).searchParams;
const initialQuery = asked.get("query") ?? undefined;
const initialVariables = asked.get("variables") ?? undefined;
const fetcher = createFetcher(new URL("../graphql", location.href));
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery, initialQuery, initialVariables, shouldPersistHeaders: false }),
);

import { createFetcher } from "./fetcher.js";

const defaultQuery = `# A bearer token goes into the headers below: {"Authorization": "Bearer ..."}
{
  ranking {
    revision
    topTen { rank score city { name } }
  }
}
`;

const fetcher = createFetcher(new URL("../graphql", location.href));
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery, shouldPersistHeaders: false }),
);

// Runs one operation over graphql-ws, with a bearer token in connectionParams when one is given.
// Arguments: the URL of /graphql, the document, variables as JSON, a token or nothing.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, query, variables, token] = process.argv.slice(2);
const client = createClient({
  url: url.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  retryAttempts: 0,
  connectionParams: token ? { Authorization: `Bearer ${token}` } : {},
});
client.subscribe(
  { query, variables: JSON.parse(variables) },
  {
    next: (result) => console.log(JSON.stringify(result)),
    error: (error) => console.log(JSON.stringify({ closed: error.code, errors: error })),
    complete: () => client.dispose(),
  },
);

// Follows one subscription with a real client: a JSON line for each event, until a line comes in.
// Arguments: ws or sse, the URL of /graphql, the document, variables as JSON.
import { createInterface } from 'node:readline';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const [protocol, url, query, variables] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));
const client =
  protocol === 'ws'
    ? createWs({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 })
    : createSse({ url, retryAttempts: 0 });
const unsubscribe = client.subscribe(
  { query, variables: JSON.parse(variables) },
  { next: say, error: (error) => say({ error: String(error?.message ?? JSON.stringify(error)) }), complete: () => say('complete') },
);
createInterface({ input: process.stdin }).once('line', async () => {
  unsubscribe();
  await client.dispose();
  process.exit(0);
});

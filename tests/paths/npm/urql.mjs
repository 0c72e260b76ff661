// Queries, follows and submits with @urql/core, and prints what it saw: the query's answer, the ranking before and after
// the mutation, the mutation's answer, and the codes of documents that are refused.
// Arguments: the URL of /graphql, fetch or ws for the subscription, a token, {query, mutation, subscription, variables}.
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { fetch, requests } from './recorded.mjs';

// urql 6 aborts the fetch of a subscription that ends, and leaves the promise of its next event to nobody.
process.on('unhandledRejection', (error) => {
  if (error.name !== 'AbortError') throw error;
});
const [url, transport, token, operations] = process.argv.slice(2);
const { query, mutation, subscription, variables } = JSON.parse(operations);
const plain = ({ data, error }) => ({ data, error: error?.message });
const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
const overSocket = subscriptionExchange({
  forwardSubscription: (request) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
  }),
});
const client = new Client({
  url,
  fetch,
  fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  exchanges: transport === 'ws' ? [overSocket, fetchExchange] : [fetchExchange],
  fetchSubscriptions: transport === 'fetch',
});

const found = plain(await client.query(query, {}).toPromise());
const events = [];
let submitted;
await new Promise((resolve) => {
  const { unsubscribe } = client.subscription(subscription, {}).subscribe(async (event) => {
    events.push(plain(event));
    if (event.error || events.length === 2) {
      unsubscribe();
      resolve();
    } else {
      submitted = plain(await client.mutation(mutation, variables).toPromise());
    }
  });
});
const codes = ({ error }) => error?.graphQLErrors.map(({ extensions }) => extensions.code);
const sent = [...requests];
const refused = [
  codes(await client.query('{ nothing }', {}).toPromise()),
  codes(await new Promise((resolve) => client.subscription('subscription { nothing }', {}).subscribe(resolve))),
];
await socket.dispose();
console.log(JSON.stringify({ found, submitted, events, refused, requests: sent }));
process.exit(0);

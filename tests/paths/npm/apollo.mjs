// Queries twice, follows and submits with Apollo Client, documents named by their hash, and prints what it saw: the
// second query's answer, the ranking before and after the mutation, the mutation's answer, and the codes of documents
// that are refused.
// Arguments: the URL of /graphql, a token, {query, mutation, subscription, variables}.
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { createPersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { fetch, requests } from './recorded.mjs';

const [url, token, operations] = process.argv.slice(2);
const { query, mutation, subscription, variables } = JSON.parse(operations);
const plain = ({ data, error }) => ({ data, error: error?.message });
const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
const named = createPersistedQueryLink({
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
  useGETForHashedQueries: true,
});
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === 'subscription',
    new GraphQLWsLink(socket),
    named.concat(new HttpLink({ uri: url, fetch, headers: { authorization: `Bearer ${token}` } })),
  ),
  defaultOptions: {
    query: { fetchPolicy: 'network-only', errorPolicy: 'all' },
    mutate: { errorPolicy: 'all' },
  },
});

await client.query({ query: gql(query) });
const found = plain(await client.query({ query: gql(query) }));
const events = [];
let submitted;
await new Promise((resolve, reject) => {
  const following = client.subscribe({ query: gql(subscription) }).subscribe({
    next: async (event) => {
      events.push(plain(event));
      if (event.error || events.length === 2) {
        following.unsubscribe();
        resolve();
      } else {
        submitted = plain(await client.mutate({ mutation: gql(mutation), variables }));
      }
    },
    error: reject,
  });
});
const codes = ({ error }) => error?.errors.map(({ extensions }) => extensions.code);
const sent = [...requests];
const refused = [
  codes(await client.query({ query: gql('{ nothing }') })),
  codes(
    await new Promise((resolve) => {
      const show = (error) => resolve({ error });
      client.subscribe({ query: gql('subscription { nothing }') }).subscribe({ next: resolve, error: show });
    }),
  ),
];
await socket.dispose();
console.log(JSON.stringify({ found, submitted, events, refused, requests: sent }));
process.exit(0);

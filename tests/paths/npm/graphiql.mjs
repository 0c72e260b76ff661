// What the fetcher of GraphiQL gives: node graphiql.mjs FETCHER ENDPOINT
import { parse } from "graphql";

const [fetcherFile, endpoint] = process.argv.slice(2);
const { createFetcher } = await import(fetcherFile);
const fetcher = createFetcher(endpoint);
const ask = (query, headers) => fetcher({ query }, { headers, documentAST: parse(query) });

const query = await ask('{ city(slug: "krefeld") { name } }');
const refused = await ask("{ nothing }");
const unauthenticated = await ask("{ editions { year } }", { Authorization: "Bearer none" });
const stream = await ask("subscription { rankingRecomputed(edition: 2025) { ranking { revision } } }");
const { value: event } = await stream.next();
await stream.return();
console.log(JSON.stringify({ query, refused, unauthenticated, event }));
process.exit(0);

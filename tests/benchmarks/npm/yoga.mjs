// GraphQL Yoga with one ranking in memory: node yoga.mjs PORT ENTRIES_FILE [cached]
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { useResponseCache } from "@graphql-yoga/plugin-response-cache";
import { createSchema, createYoga } from "graphql-yoga";

const [port, file, cached] = process.argv.slice(2);
const entries = JSON.parse(readFileSync(file, "utf8"));
const cities = new Map(entries.map((entry) => [entry.city.slug, { ...entry.city, result: entry }]));
const topTen = entries.slice(0, 10);

const typeDefs = `
  type Query { entries: [Entry!]! topTen: [Entry!]! city(slug: String!): City }
  type City { slug: String! name: String! result: Entry }
  type Entry { rank: Int! score: Float! city: City! categories: [CategoryResult!]! }
  type CategoryResult { category: Category! score: Float rank: Int indicators: [IndicatorResult!]! }
  type Category { code: String! }
  type IndicatorResult { indicator: Indicator! score: Float rank: Int }
  type Indicator { code: String! }`;
const resolvers = {
  Query: { entries: () => entries, topTen: () => topTen, city: (_, { slug }) => cities.get(slug) },
};
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  logging: false,
  graphiql: false,
  landingPage: false,
  plugins: cached ? [useResponseCache({ session: () => null })] : [],
});
createServer(yoga).listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit());

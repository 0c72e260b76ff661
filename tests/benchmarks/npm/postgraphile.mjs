// PostGraphile 5 on the schema `peer`: node postgraphile.mjs PORT DATABASE_URL
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const [port, connectionString] = process.argv.slice(2);
const served = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString, schemas: ["peer"] })],
  // Lists: nothing asks for the pages that connections have. The defaults stand for the rest: `outputDataAsString` and
  // a pool of 2, 4 or 16 in place of 10 were each within the noise of five rounds, or slower.
  schema: { defaultBehavior: "-connection +list -insert -update -delete" },
  grafserv: { graphiql: false },
  grafast: { explain: false },
}).createServ(grafserv);
const server = createServer();
await served.addTo(server);
await served.ready();
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit());

// One HTTP server in a process of its own, as one of several designs answers GET /me. Reads
// {design, environment, token} from its standard input, writes {port} to its standard error, and
// ends when its input does. The log of the functions is its standard output.

import process from "node:process";
import { designs } from "./designs.ts";
import { TextLineStream } from "./lines.ts";

const lines = Deno.stdin.readable.pipeThrough(new TextLineStream()).getReader();
const { value } = await lines.read();
const { design, ...settings } = JSON.parse(value ?? "{}");
const create = designs[design];
if (!create) throw new Error(`Unknown design: ${design}`);
const { fetch, close } = await create(settings);
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => process.stderr.write(`${JSON.stringify({ port })}\n`),
}, (request) => fetch(request));
await lines.read();
await close?.();
Deno.exit(0);

// Loads one edge function in this process, which serves nothing, and prints what that took along:
// {own, packages, builtin}, each {modules, bytes}, and the octets of each package. Takes the path of
// index.ts.

import { Session } from "node:inspector";
import process from "node:process";

const session = new Session();
session.connect();
const scripts = new Map<string, number>();
session.on("Debugger.scriptParsed", ({ params }) => {
  scripts.set(params.url, Number(Reflect.get(params, "length")));
});
const enabled = Promise.withResolvers<void>();
session.post("Debugger.enable", (error) => error ? enabled.reject(error) : enabled.resolve());
await enabled.promise;
const before = new Set(scripts.keys());
Object.assign(Deno, { serve: () => ({}) });
await import(new URL(Deno.args[0] ?? "", "file:///").href);

const loaded = [...scripts].filter(([url]) => !before.has(url));
const files = loaded.filter(([url]) => url.startsWith("file:"));
const packages = files.filter(([url]) => url.includes("/node_modules/"));
const byPackage: Record<string, number> = {};
for (const [url, bytes] of packages) {
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url;
  byPackage[name] = (byPackage[name] ?? 0) + bytes;
}
const total = (list: [string, number][]) => ({
  modules: list.length,
  bytes: list.reduce((sum, [, bytes]) => sum + bytes, 0),
});
process.stdout.write(`${
  JSON.stringify({
    own: total(files.filter((file) => !packages.includes(file))),
    packages: total(packages),
    builtin: total(loaded.filter((one) => !files.includes(one))),
    byPackage,
  })
}\n`);
process.exit(0);

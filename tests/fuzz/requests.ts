import fc from "fast-check";
import type { ApiDocument, Guard, Operation, Parameter } from "./document.ts";
import {
  hostileAuthorizations,
  hostileBodies,
  hostileContentTypes,
  hostileHeaders,
  hostileQueries,
  hostileSegments,
  hostileTexts,
  hostileValues,
  methods,
} from "./hostile-values.ts";
import {
  mutate,
  type Mutation,
  resolve,
  type Schemas,
  sparse,
  validValues,
} from "./schema-values.ts";

/** Who sends a request. `user` is one of the users of the run, `dead` and `erased` had a session. */
export type Role =
  | "user"
  | "anonymous"
  | "dead"
  | "erased"
  | "ticket"
  | "worker"
  | "cron"
  | "webhook"
  | "forged"
  | "publishable"
  | "secret"
  | "garbage";

export interface Sender {
  role: Role;
  /** Picks a user; the same number is the same user. */
  index: number;
  /** Sent instead of a credential, for `garbage`. */
  authorization?: string;
}

/** How far a request is from one the document allows. */
export type Kind = "valid" | "near" | "hostile" | "method";

/** A request before ids and secrets of this run are put in. Depends on the seed alone. */
export interface FuzzRequest {
  kind: Kind;
  /** Index into the document's operations. */
  operation: Operation;
  sender: Sender;
  method: string;
  /** Path and query as they go over the wire. */
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

const guardRole: Record<Guard, Role> = {
  public: "anonymous",
  bearer: "user",
  statusToken: "ticket",
  worker: "worker",
  cron: "cron",
  webhook: "webhook",
};

const everybody: Role[] = [
  "user",
  "anonymous",
  "dead",
  "erased",
  "ticket",
  "worker",
  "cron",
  "webhook",
  "forged",
  "publishable",
  "secret",
  "garbage",
];

/** Every request this document can lead to, the wanted and the unwanted. */
export function fuzzRequests({ operations, schemas }: ApiDocument): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(...operations.map((operation) => requestsTo(operation, schemas)));
}

/** Requests to one operation. */
export function requestsTo(operation: Operation, schemas: Schemas): fc.Arbitrary<FuzzRequest> {
  const base = fc.record({
    sender: senders(operation),
    path: paths(operation, schemas),
    query: queries(operation, schemas),
    headers: headersOf(operation, schemas),
    body: bodies(operation, schemas),
  });
  const valid = base.map((parts) => assemble(operation, "valid", parts));
  return fc.oneof(
    { weight: 5, arbitrary: valid },
    {
      weight: 4,
      arbitrary: fc.tuple(base, near).map(([parts, how]) => bend(operation, parts, how)),
    },
    { weight: 3, arbitrary: fc.tuple(base, hostile).map(([p, how]) => breakUp(operation, p, how)) },
    {
      weight: 1,
      arbitrary: fc.tuple(valid, methods).map(([request, method]) => retarget(request, method)),
    },
  );
}

interface Body {
  type: string;
  value: unknown;
}

interface Parts {
  sender: Sender;
  path: string;
  query: [string, unknown][];
  headers: Record<string, string>;
  body: Body | undefined;
}

function senders({ guards }: Operation): fc.Arbitrary<Sender> {
  const wanted = guards.map((guard) => guardRole[guard]);
  const role = fc.oneof(
    { weight: 7, arbitrary: fc.constantFrom<Role[]>(...wanted, ...wanted, "user") },
    { weight: 2, arbitrary: fc.constantFrom(...everybody) },
  );
  return fc.record({ role, index: fc.nat(1000), authorization: hostileAuthorizations });
}

function paths(operation: Operation, schemas: Schemas): fc.Arbitrary<string> {
  const parameters = operation.parameters.filter((one) => one.in === "path");
  if (parameters.length === 0) return fc.constant(operation.path);
  return fc.tuple(...parameters.map((one) => validValues(one.schema, schemas, idOf(operation))))
    .map((values) =>
      parameters.reduce(
        (path, one, index) => path.replace(`{${one.name}}`, String(values[index])),
        operation.path,
      )
    );
}

/** What `{id}` of a path names. */
function idOf({ path }: Operation): string {
  if (path.includes("/jobs/")) return "job_id";
  if (path.includes("/export/")) return "export_id";
  return path.includes("/people/") ? "person_id" : "video_id";
}

function queries({ parameters }: Operation, schemas: Schemas): fc.Arbitrary<[string, unknown][]> {
  return optional(parameters.filter((one) => one.in === "query"), schemas)
    .map((values) => Object.entries(values));
}

function headersOf(
  { parameters }: Operation,
  schemas: Schemas,
): fc.Arbitrary<Record<string, string>> {
  return optional(parameters.filter((one) => one.in === "header"), schemas)
    .map((values) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
    );
}

function optional(
  parameters: readonly Parameter[],
  schemas: Schemas,
): fc.Arbitrary<Record<string, unknown>> {
  return sparse(
    Object.fromEntries(
      parameters.map((one) => [one.name, validValues(one.schema, schemas, one.name)]),
    ),
    parameters.filter((one) => one.required).map((one) => one.name),
  );
}

const captions = fc.constantFrom(
  "WEBVTT\n\n00:00.000 --> 00:01.500\nOwn harbour\n\n00:02.000 --> 00:03.000\nNight ships\n",
  "1\n00:00:01,000 --> 00:00:02,000\nOwn harbour\n",
);

function bodies(operation: Operation, schemas: Schemas): fc.Arbitrary<Body | undefined> {
  const types = Object.entries(operation.bodies);
  if (types.length === 0) return fc.constant(undefined);
  return fc.oneof(...types.map(([type, schema]) => {
    const isJson = type === "application/json" && schema !== undefined;
    const values = isJson ? validValues(resolve(schema, schemas), schemas) : captions;
    return values.map((value) => ({ type, value }));
  }));
}

function assemble(operation: Operation, kind: Kind, parts: Parts): FuzzRequest {
  const { sender, path, query, headers, body } = parts;
  const pairs = query.flatMap(([name, value]) =>
    [value].flat().map((one) => `${encode(name)}=${encode(String(one))}`)
  );
  return {
    kind,
    operation,
    sender,
    method: operation.method,
    path: pairs.length > 0 ? `${path}?${pairs.join("&")}` : path,
    headers: { ...(body ? { "content-type": body.type } : {}), ...headers },
    ...(body
      ? { body: body.type === "application/json" ? toText(body.value) : String(body.value) }
      : {}),
  };
}

function toText(value: unknown): string {
  return JSON.stringify(value) ?? "";
}

/** Stand-ins stay readable: they are replaced in the encoded path. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /%7B%7B([a-z]+)\.([a-z0-9]+)%7D%7D/g,
    "{{$1.$2}}",
  );
}

interface Near {
  mutation: Mutation;
  where: number;
  text: string;
}

const near: fc.Arbitrary<Near> = fc.record({
  mutation: fc.record({
    place: fc.nat(400),
    kind: fc.constantFrom("replace", "replace", "replace", "drop", "add"),
    value: hostileValues,
    key: fc.constantFrom("__proto__", "constructor", "user_id", "tier", "role", "state", "x", ""),
  }),
  where: fc.nat(9),
  text: hostileTexts,
});

/** One place of a request that was valid is not what the schema says. */
function bend(operation: Operation, parts: Parts, { mutation, where, text }: Near): FuzzRequest {
  const { body, query } = parts;
  if (body?.type === "application/json" && where < 8) {
    const value = mutate(body.value, mutation);
    return assemble(operation, "near", { ...parts, body: { ...body, value } });
  }
  const names = operation.parameters.filter((one) => one.in === "query");
  const chosen = names[mutation.place % Math.max(names.length, 1)];
  if (chosen) {
    const others = query.filter(([name]) => name !== chosen.name);
    return assemble(operation, "near", { ...parts, query: [...others, [chosen.name, text]] });
  }
  return { ...assemble(operation, "near", { ...parts, query: [["x", text]] }) };
}

interface Hostile {
  what: "body" | "type" | "headers" | "query" | "segment" | "truncate";
  body: string | Uint8Array<ArrayBuffer>;
  type: string | undefined;
  headers: Record<string, string>;
  query: string;
  segment: string;
  cut: number;
}

const hostile: fc.Arbitrary<Hostile> = fc.record({
  what: fc.constantFrom("body", "type", "headers", "query", "segment", "truncate"),
  body: hostileBodies,
  type: hostileContentTypes,
  headers: hostileHeaders,
  query: hostileQueries,
  segment: hostileSegments,
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
});

/** A request no client of ours would build. */
function breakUp(operation: Operation, parts: Parts, how: Hostile): FuzzRequest {
  const request = assemble(operation, "hostile", parts);
  const hasBody = Object.keys(operation.bodies).length > 0;
  switch (how.what) {
    case "headers":
      return { ...request, headers: { ...request.headers, ...how.headers } };
    case "segment":
      return { ...request, path: breakPath(operation, how.segment) };
    case "type":
      if (hasBody) return withType(request, how.type);
      break;
    case "truncate":
      if (typeof request.body === "string") {
        return {
          ...request,
          body: request.body.slice(0, Math.floor(request.body.length * how.cut)),
        };
      }
      break;
    case "body":
      if (request.method !== "GET") {
        const typed = hasBody ? request : withType(request, how.type);
        return { ...typed, body: how.body };
      }
      break;
  }
  const joint = request.path.includes("?") ? "&" : "?";
  return { ...request, path: `${request.path}${joint}${how.query}` };
}

function withType(request: FuzzRequest, type: string | undefined): FuzzRequest {
  const { "content-type": _type, ...headers } = request.headers;
  return {
    ...request,
    headers: type === undefined ? headers : { ...headers, "content-type": type },
  };
}

/** In the place of an id, or behind the path where there is none. */
function breakPath({ path }: Operation, segment: string): string {
  return path.includes("{") ? path.replace(/\{\w+\}/, segment) : `${path}/${segment}`;
}

function retarget(request: FuzzRequest, method: string): FuzzRequest {
  if (method !== "GET" && method !== "HEAD") return { ...request, kind: "method", method };
  const { body: _body, ...rest } = request;
  return { ...rest, kind: "method", method };
}

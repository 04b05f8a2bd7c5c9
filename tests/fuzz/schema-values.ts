import fc from "fast-check";
import type { Schema } from "./document.ts";

/** What stands in for an id or a secret until a request is sent: `{{own.video}}`. */
const thing = (kind: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constant(`{{own.${kind}}}`) },
    { weight: 3, arbitrary: fc.constant(`{{other.${kind}}}`) },
    { weight: 2, arbitrary: fc.constant(`{{canary.${kind}}}`) },
    { weight: 1, arbitrary: fc.uuid() },
  );

const later = fc.integer({ min: 1, max: 29 }).map((days) => `{{days.${days}}}`);

/** Members whose schema alone says too little for a request that works. */
const known: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  video_id: thing("video"),
  person_id: thing("person"),
  into: thing("spare"),
  organization_id: thing("organization"),
  scene_id: thing("scene"),
  job_id: thing("job"),
  lease_id: thing("lease"),
  // No canary: whoever signs an event may tell of any user.
  user_id: fc.oneof(fc.constantFrom("{{own.user}}", "{{other.user}}"), fc.uuid()),
  export_id: thing("export"),
  cursor: thing("cursor"),
  // Whoever holds one of these is its owner, so nobody is given another's.
  refresh_token: fc.constant("{{own.refresh}}"),
  email: fc.oneof(
    { weight: 3, arbitrary: fc.constant("{{own.email}}") },
    { weight: 1, arbitrary: fc.constant("{{other.email}}") },
    { weight: 3, arbitrary: fc.uuid().map((id) => `fuzz-${id.slice(0, 13)}@example.test`) },
    { weight: 1, arbitrary: fc.emailAddress() },
  ),
  password: fc.oneof(
    { weight: 4, arbitrary: fc.constant("{{own.password}}") },
    { weight: 2, arbitrary: fc.uuid().map((id) => `pw-${id}`) },
    { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 90 }) },
  ),
  current_password: fc.constantFrom("{{own.password}}", "wrong"),
  photo_key: thing("photo"),
  token_hash: fc.constant("{{own.mail}}"),
  effective_at: later,
  // Small, so that the run can really upload what it announced.
  size_bytes: fc.integer({ min: 1, max: 64 }),
  start_s: fc.integer({ min: 0, max: 10 }),
  end_s: fc.integer({ min: 11, max: 20 }),
  part: fc.constant(1),
  parts: fc.constant(1),
  redirect_to: fc.constantFrom("http://127.0.0.1:3000/welcome", "https://evil.test/"),
  q: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("harbour", '"own harbour"', "harbour -night", "항구") },
    { weight: 2, arbitrary: fc.constantFrom("{{own.word}}", "{{other.word}}", "{{canary.word}}") },
    { weight: 2, arbitrary: fc.string({ minLength: 1, maxLength: 60 }) },
  ),
};

/** Beside the type of the schema: an event has the two of our own webhooks. */
const knownTexts: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  type: fc.constantFrom("user.deleted", "user.updated"),
  vector: fc.constant(Buffer.alloc(512 * 4, 63).toString("base64")),
  text_vec: fc.constant(Buffer.alloc(1152 * 4, 63).toString("base64")),
  image_vec: fc.constant(Buffer.alloc(1152 * 4, 63).toString("base64")),
};

const embedding = fc.constant(Array.from({ length: 1152 }, (_, index) => (index % 7) / 7));

export type Schemas = Readonly<Record<string, Schema>>;

/** Values that the schema allows, with stand-ins where the member's name says what it holds. */
export function validValues(
  schema: Schema,
  schemas: Schemas,
  name = "",
): fc.Arbitrary<unknown> {
  const named = nameValues(schema, name);
  const plain = fromSchema(resolve(schema, schemas), schemas, name);
  if (!named) return plain;
  return fc.oneof({ weight: 5, arbitrary: named }, { weight: 1, arbitrary: plain });
}

function nameValues(schema: Schema, name: string): fc.Arbitrary<unknown> | undefined {
  if (schema.properties !== undefined || schema.$ref !== undefined) return undefined;
  if (name === "vector" && schema.type === "array") return embedding;
  if (schema.enum === undefined && name in knownTexts) return knownTexts[name];
  return known[name];
}

/** The schema a reference names. */
export function resolve(schema: Schema, schemas: Schemas): Schema {
  if (schema.$ref === undefined) return schema;
  const target = schemas[schema.$ref.split("/").at(-1) ?? ""];
  if (!target) throw new Error(`The document lacks ${schema.$ref}`);
  return resolve(target, schemas);
}

function fromSchema(schema: Schema, schemas: Schemas, name: string): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) {
    return fc.oneof(...alternatives.map((one) => validValues(one, schemas, name)));
  }
  if (schema.allOf) {
    const parts = schema.allOf.map((one) => validValues(one, schemas, name));
    return fc.tuple(...parts).map((values) => Object.assign({}, ...values));
  }
  const types = [schema.type ?? (schema.properties ? "object" : "string")].flat();
  return fc.oneof(...types.map((type) => ofType(type, schema, schemas, name)));
}

function ofType(
  type: string,
  schema: Schema,
  schemas: Schemas,
  name: string,
): fc.Arbitrary<unknown> {
  switch (type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer(bounds(schema));
    case "number":
      return fc.double({ ...bounds(schema), noNaN: true, noDefaultInfinity: true });
    case "array":
      return arrays(schema, schemas, name);
    case "object":
      return objects(schema, schemas);
    default:
      return strings(schema);
  }
}

function bounds({ minimum, maximum, exclusiveMinimum }: Schema): { min: number; max: number } {
  return {
    min: Math.max(minimum ?? exclusiveMinimum ?? -1000, -(2 ** 31)),
    max: Math.min(maximum ?? 100_000, 2 ** 31 - 1),
  };
}

function arrays(schema: Schema, schemas: Schemas, name: string): fc.Arbitrary<unknown> {
  const min = schema.minItems ?? 0;
  const max = Math.max(min, Math.min(schema.maxItems ?? 4, 4));
  const items = validValues(schema.items ?? {}, schemas, name);
  return fc.array(items, { minLength: min, maxLength: max });
}

function objects(schema: Schema, schemas: Schemas): fc.Arbitrary<unknown> {
  const members = Object.entries(schema.properties ?? {});
  const own = sparse(
    Object.fromEntries(members.map(([name, one]) => [name, validValues(one, schemas, name)])),
    schema.required ?? [],
  );
  const more = schema.additionalProperties;
  if (typeof more !== "object") return own;
  const names = fc.stringMatching(/^[a-z][a-z0-9_]{0,9}$/);
  return fc.tuple(own, fc.dictionary(names, validValues(more, schemas), { maxKeys: 3 }))
    .map(([known, extra]) => ({ ...extra, ...known }));
}

/** Optional members without which a route seldom lets a request through. */
const wanted = new Set(["password", "token_hash", "effective_at", "data", "q"]);

/** Records that have few of their optional members: many of them contradict each other. */
export function sparse(
  members: Record<string, fc.Arbitrary<unknown>>,
  required: readonly string[],
): fc.Arbitrary<Record<string, unknown>> {
  const absent = Symbol("absent");
  const drawn = Object.entries(members).map(([name, values]) => {
    const optional = fc.oneof(
      { weight: 3, arbitrary: fc.constant(absent) },
      { weight: wanted.has(name) ? 9 : 1, arbitrary: values },
    );
    return [name, required.includes(name) ? values : optional] as const;
  });
  return fc.record(Object.fromEntries(drawn)).map((record) =>
    Object.fromEntries(Object.entries(record).filter(([, value]) => value !== absent))
  );
}

function strings({ format, pattern, minLength = 0, maxLength = 60 }: Schema): fc.Arbitrary<string> {
  switch (format) {
    case "uuid":
      return fc.uuid();
    case "email":
      return fc.emailAddress();
    case "date-time":
      return fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true })
        .map((date) => date.toISOString());
    case "uri":
      return fc.webUrl();
    case "byte":
      return fc.constantFrom("AAAA", "////", "");
  }
  const length = { minLength, maxLength: Math.min(maxLength, minLength + 60) };
  if (pattern) {
    return fc.stringMatching(new RegExp(pattern)).map((text) => text.slice(0, maxLength));
  }
  return fc.oneof(
    fc.string(length),
    fc.string({ ...length, unit: "grapheme" }).map((text) =>
      [...text].slice(0, maxLength).join("")
    ),
  );
}

/** A change to one place of a value. */
export interface Mutation {
  /** Picks the place, in the order the value is walked. */
  place: number;
  kind: "replace" | "drop" | "add";
  value: unknown;
  key: string;
}

/** The value with one place changed; the value itself where it has no such place. */
export function mutate(value: unknown, { place, kind, value: other, key }: Mutation): unknown {
  const copy: unknown = structuredClone(value);
  const places: { holder: object; key: string }[] = [];
  collect(copy, places);
  const chosen = places[place % Math.max(places.length, 1)];
  if (!chosen) return kind === "replace" ? other : copy;
  const { holder, key: at } = chosen;
  if (kind === "replace") Reflect.set(holder, at, other);
  else if (kind === "add") define(holder, key, other);
  else if (Array.isArray(holder)) holder.splice(Number(at), 1);
  else Reflect.deleteProperty(holder, at);
  return copy;
}

function collect(value: unknown, places: { holder: object; key: string }[]): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    places.push({ holder: value, key });
    collect(member, places);
  }
}

/** Also for `__proto__`, which an assignment would not make a member. */
function define(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true });
}

import { readFile } from "node:fs/promises";

/** A JSON Schema as it stands in the document. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface RawOperation {
  readonly security?: readonly Record<string, unknown>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<
    Record<string, {
      readonly content?: Content;
      readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
    }>
  >;
}

/** Who a route lets in: the names of its security schemes, or `public`. */
export type Guard = "public" | "bearer" | "statusToken" | "worker" | "cron" | "webhook";

/** One route of the document. */
export interface Operation {
  /** `GET /functions/v1/videos/{id}` */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly guards: readonly Guard[];
  readonly parameters: readonly Parameter[];
  /** Schema of the body by content type; empty where the route takes none. */
  readonly bodies: Readonly<Record<string, Schema | undefined>>;
  readonly responses: RawOperation["responses"];
}

export interface ApiDocument {
  readonly operations: readonly Operation[];
  readonly schemas: Readonly<Record<string, Schema>>;
}

interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const file = new URL("../../docs/openapi.json", import.meta.url);

/** The published document, taken apart route by route. */
export async function readDocument(): Promise<ApiDocument> {
  const raw: RawDocument = JSON.parse(await readFile(file, "utf8"));
  const operations = Object.entries(raw.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => toOperation(path, method, operation))
  );
  return { operations, schemas: raw.components.schemas };
}

function toOperation(path: string, method: string, raw: RawOperation): Operation {
  const guards = (raw.security ?? []).flatMap((one) => Object.keys(one)) as Guard[];
  const bodies = Object.entries(raw.requestBody?.content ?? {});
  return {
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    guards: guards.length > 0 ? guards : ["public"],
    parameters: raw.parameters ?? [],
    bodies: Object.fromEntries(bodies.map(([type, { schema }]) => [type, schema])),
    responses: raw.responses,
  };
}

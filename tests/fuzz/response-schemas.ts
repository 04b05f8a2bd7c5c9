import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { ApiDocument, Operation, Schema } from "./document.ts";

type Json = Record<string, unknown>;

/** Finds what a body has that its schema does not allow, or lacks. */
export type BodyCheck = (body: unknown) => string | undefined;

/**
 * Checks bodies against the document's schemas, and more strictly than JSON Schema does: a member
 * that no schema names is refused, so that nothing undocumented is ever answered.
 */
export function createBodyChecks(document: ApiDocument): {
  ofAnswer(operation: Operation, status: number, type: string): BodyCheck | undefined;
  ofProblem: BodyCheck;
} {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  formats.default(ajv);
  const entries = Object.entries(document.schemas);
  const defs = (isClosed: boolean) =>
    Object.fromEntries(entries.map(([name, schema]) => [name, rewrite(schema, isClosed)]));
  ajv.addSchema({ $id: "closed", $defs: defs(true) });
  ajv.addSchema({ $id: "open", $defs: defs(false) });
  const compiled = new Map<unknown, BodyCheck>();
  const compile = (schema: Schema): BodyCheck => {
    const known = compiled.get(schema);
    if (known) return known;
    const check = toCheck(ajv.compile(rewrite(schema, true)));
    compiled.set(schema, check);
    return check;
  };
  return {
    ofAnswer({ responses }, status, type) {
      const response = responses[status] ?? responses["default"];
      const schema = response?.content?.[type]?.schema;
      return schema && compile(schema);
    },
    ofProblem: compile({ $ref: "#/components/schemas/Problem" }),
  };
}

function toCheck(validate: ValidateFunction): BodyCheck {
  return (body) => {
    if (validate(body)) return undefined;
    const [error] = validate.errors ?? [];
    return `${error?.instancePath || "the body"} ${error?.message} ${
      JSON.stringify(error?.params)
    }`;
  };
}

/**
 * A schema that knows its own references and refuses members it does not name. Parts of an `allOf`
 * stay open, because each of them knows some of the members only.
 */
function rewrite(schema: Schema, isClosed: boolean): Json {
  const ref = schema.$ref?.split("/").at(-1);
  if (ref !== undefined) return { $ref: `${isClosed ? "closed" : "open"}#/$defs/${ref}` };
  const copy: Json = {};
  for (const [key, value] of Object.entries(schema)) copy[key] = rewriteMember(key, value);
  const isObject = schema.properties !== undefined || schema.allOf !== undefined;
  if (isClosed && isObject && schema.additionalProperties === undefined) {
    copy["unevaluatedProperties"] = false;
  }
  return copy;
}

function rewriteMember(key: string, value: unknown): unknown {
  if (key === "allOf") return toSchemas(value).map((one) => rewrite(one, false));
  if (key === "anyOf" || key === "oneOf") return toSchemas(value).map((one) => rewrite(one, true));
  if (key === "items" || key === "additionalProperties") {
    return isSchema(value) ? rewrite(value, true) : value;
  }
  if (key !== "properties" || !isSchema(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, isSchema(one) ? rewrite(one, true) : one]),
  );
}

function toSchemas(value: unknown): Schema[] {
  return Array.isArray(value) ? value.filter(isSchema) : [];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null;
}

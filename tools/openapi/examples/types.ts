import type { ErrorCode } from "../../../shared/errors/codes.ts";

/** What the document shows of one operation beside its schemas. */
export interface OperationExample {
  /** The body of a request; a text where the route takes a file. */
  request?: unknown;
  /** The body of each success by its status; null where there is none. */
  responses: Readonly<Record<number, unknown>>;
  /** Codes of this operation beside those that follow from its shape (tools/openapi/problems.ts). */
  problems?: readonly ErrorCode[];
}

/** The examples of one function by operationId. */
export type FunctionExamples = Readonly<Record<string, OperationExample>>;

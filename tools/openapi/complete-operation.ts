import { type ErrorCode, isErrorCode } from "../../shared/errors/codes.ts";
import type { OperationExample } from "./examples/types.ts";
import { type Members, membersOf } from "./members.ts";
import { codesOfShape, describeOutage, describeProblems } from "./problems.ts";

/**
 * Adds to one operation of the document what zod does not know: examples of its body and its
 * answers, and a response for each status it may refuse with.
 * @throws Error when an example is missing, or stands for nothing
 */
export function completeOperation(
  method: string,
  operation: Members,
  example: OperationExample | undefined,
): Members {
  const id = String(operation.operationId);
  if (!example) {
    throw new Error(`Operation ${id} has no example: add one in tools/openapi/examples`);
  }
  const successes = Object.entries(membersOf(operation.responses)).filter(([status]) =>
    status !== "default"
  );
  return {
    ...operation,
    security: operation.security ?? [],
    ...operation.requestBody === undefined ? refuseExtra(id, "request", example.request) : {
      requestBody: withExample(id, operation.requestBody, example.request),
    },
    responses: {
      ...Object.fromEntries(successes.map(([status, response]) => [
        status,
        withExample(id, response, example.responses[Number(status)]),
      ])),
      ...describeProblems(codesOf(method, operation, example)),
      default: describeOutage(),
    },
  };
}

function refuseExtra(id: string, what: string, value: unknown): Members {
  if (value === undefined) return {};
  throw new Error(`Operation ${id} takes no ${what}: remove it from its example`);
}

/** A request body or a response with the example at each of its content types. */
function withExample(id: string, part: unknown, example: unknown): Members {
  const { content, ...rest } = membersOf(part);
  if (content === undefined) return rest;
  if (example === undefined || example === null) {
    throw new Error(`Operation ${id} lacks an example of "${rest.description ?? "its body"}"`);
  }
  const shown = Object.entries(membersOf(content)).map(([type, media]) => [
    type,
    {
      ...membersOf(media),
      example: type === "application/x-subrip" ? toSubRip(example) : example,
    },
  ]);
  return { ...rest, content: Object.fromEntries(shown) };
}

/** The same captions as SubRip has them: numbered, with a comma before the milliseconds. */
function toSubRip(webVtt: unknown): string {
  const cues = String(webVtt).split("\n\n").slice(1);
  return cues.map((cue, index) =>
    `${index + 1}\n${cue.replace(/(\d\d:\d\d)\.(\d{3})/g, "00:$1,$2")}`
  ).join("\n\n");
}

function codesOf(method: string, operation: Members, example: OperationExample): ErrorCode[] {
  const parameters = Array.isArray(operation.parameters) ? operation.parameters : [];
  const security = Array.isArray(operation.security) ? operation.security : [];
  const tags = Array.isArray(operation.tags) ? operation.tags : [];
  const hasBody = operation.requestBody !== undefined;
  const codes = codesOfShape({
    method,
    tag: String(tags[0]),
    schemes: security.flatMap((one) => Object.keys(membersOf(one))),
    hasBody,
    hasParameters: parameters.length > 0,
    hasCursor: JSON.stringify([parameters, operation.requestBody]).includes('"cursor"') ||
      operation.operationId === "postSearch",
  });
  return [...codes, ...example.problems ?? []].filter(isErrorCode);
}

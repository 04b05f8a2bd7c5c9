import { useStack } from "../../support/stack.ts";
import type { Actor } from "../matrix.ts";
import type { ApiCast } from "./api-cast.ts";

/** A request to a service of the stack, and what has to come of it. */
export interface ApiCell {
  thing: string;
  actor: Actor;
  operation: string;
  path: string;
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON; a Blob as it is. */
  body?: unknown;
  /** Changes rows that other requests change too, several at once. */
  alone?: boolean;
  /** What is wrong with an answer, or undefined. */
  judge(answer: Answer): string | undefined;
}

export interface Answer {
  status: number;
  body: unknown;
}

const atOnce = 5;

/**
 * Sends the requests, a few at a time, and says which were answered otherwise than they should be. Of those that change
 * the same rows one at a time: PostgreSQL takes the rows of an update in no promised order, and ends one of two such
 * statements as a deadlock when the orders differ.
 */
export async function findWrongAnswers(
  cast: ApiCast,
  cells: readonly ApiCell[],
): Promise<string[]> {
  const alone = cells.filter((cell) => cell.alone).values();
  const together = cells.filter((cell) => !cell.alone).values();
  const wrong: string[] = [];
  await Promise.all([alone, ...Array.from({ length: atOnce }, () => together)].map(async (lane) => {
    for (const cell of lane) {
      const answer = await send(cast, cell);
      const fault = cell.judge(answer);
      if (fault) {
        wrong.push(
          `${cell.thing}: ${cell.operation} by ${cell.actor}: ${fault}, got ${answer.status} ${
            JSON.stringify(answer.body)?.slice(0, 200)
          }`,
        );
      }
    }
  }));
  return wrong.sort();
}

async function send(cast: ApiCast, cell: ApiCell): Promise<Answer> {
  const { path, method = "GET", headers, body, actor } = cell;
  const raw = body instanceof Blob;
  const response = await fetch(`${useStack().url}${path}`, {
    method,
    headers: {
      ...cast.headersOf(actor),
      ...(body === undefined || raw ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Refused by the database with this SQLSTATE, or by the Data API with this code. */
export const withCode = (...codes: readonly string[]) => ({ status, body }: Answer) => {
  const code = typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
  return status >= 400 && status < 500 && codes.includes(String(code))
    ? undefined
    : `expected ${codes.join(" or ")}`;
};

/** Refused, and not for a fault of the server. */
export const refused = ({ status }: Answer) =>
  status >= 400 && status < 500 ? undefined : "expected a refusal";

export const accepted = ({ status }: Answer) =>
  status >= 200 && status < 300 ? undefined : "expected an answer";

/**
 * Exactly these rows, told by their key. Rows that came meanwhile, such as audit events, do not count
 * when they are the user's own.
 */
export const withRows = (key: readonly string[], keys: readonly string[], user?: string) => {
  const expected = keys.toSorted().join();
  return ({ body }: Answer) => {
    if (!Array.isArray(body)) return "expected rows";
    const nameRow = (row: Record<string, unknown>) => key.map((column) => row[column]).join(":");
    const found = body.filter((row) => keys.includes(nameRow(row)) || row.user_id !== user);
    return found.map(nameRow).sort().join() === expected
      ? undefined
      : `expected ${keys.length} rows of theirs, found ${found.length}`;
  };
};

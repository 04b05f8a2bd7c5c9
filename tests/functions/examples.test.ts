import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { eventBodySchema } from "../../shared/events/schemas.ts";
import { examples } from "../../tools/openapi/examples/mod.ts";
import { openApiFile } from "../../tools/write-openapi.ts";
import { call } from "../support/call.ts";
import { knowsSetting, setting } from "../support/stack.ts";
import { createUser } from "../support/users.ts";

/** What only a request that cannot be read or understood gets. */
const misunderstood = ["invalid_json", "unsupported_media_type", "validation_failed"];

interface Case {
  id: string;
  method: string;
  path: string;
  isWorker: boolean;
  type: string;
  request: unknown;
}

const document = JSON.parse(await readFile(openApiFile, "utf8"));

// Two requests end the session they come with, and stand last.
const last = ["updatePassword", "logout"];

const cases: Case[] = Object.entries<Record<string, Operation>>(document.paths)
  .flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => toCase(path, method, operation))
  )
  .filter(({ request, id }) => request !== undefined && id !== "receiveEvent")
  .sort((one, other) => last.indexOf(one.id) - last.indexOf(other.id));

interface Operation {
  operationId: string;
  tags: [string];
  security: Record<string, unknown>[];
  requestBody?: { content: Record<string, unknown> };
}

function toCase(path: string, method: string, operation: Operation): Case {
  const { operationId: id, tags: [tag], security, requestBody } = operation;
  return {
    id,
    method: method.toUpperCase(),
    path: path.replace("/functions/v1", "").replace(/\{\w+\}/g, () => crypto.randomUUID()),
    isWorker: security.some((one) => "worker" in one),
    type: Object.keys(requestBody?.content ?? {})[0] ?? "",
    request: examples[tag]?.[id]?.request,
  };
}

describe("the example of a request", () => {
  let token: string;
  beforeAll(async () => {
    token = (await createUser()).accessToken;
  });

  it.each(cases)("to $id is understood by its route", async (one) => {
    if (one.isWorker && !knowsSetting("HEIMDEX_WORKER_KEYS")) return;
    const response = await call(one.path, {
      method: one.method,
      token: one.isWorker ? setting("HEIMDEX_WORKER_KEYS").split(",")[0] ?? "" : token,
      headers: { "content-type": one.type },
      body: typeof one.request === "string" ? one.request : JSON.stringify(one.request),
    });
    const answer = await response.text();
    const { code, detail, errors } = answer === "" ? {} : JSON.parse(answer);
    expect(misunderstood, JSON.stringify({ detail, errors })).not.toContain(code);
  });

  it("to receiveEvent is an event", () => {
    expect(eventBodySchema.safeParse(examples["auth-webhook"]?.receiveEvent?.request).success)
      .toBe(true);
  });
});

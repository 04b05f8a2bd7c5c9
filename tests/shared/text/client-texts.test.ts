import { beforeAll, describe, expect, it } from "vitest";
import { createPerson } from "../../functions/people/support.ts";
import { beginUpload } from "../../functions/videos/support.ts";
import { asRole, claimsOf, type Transaction } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";

let user: TestUser;
let videoId: string;
let personId: string;

beforeAll(async () => {
  user = await createUser();
  ({ video_id: videoId } = await beginUpload(user));
  ({ person_id: personId } = await createPerson(user, "Somebody"));
});

/** One update as the Data API would make it; the stored value, or why it was refused. */
async function change(column: string, value: unknown): Promise<unknown> {
  const update = (sql: Transaction) =>
    column === "name"
      ? sql`
        update public.face_profiles set name = ${String(value)}
        where person_id = ${personId} returning name as value`
      : sql`
        update public.video_metadata
        set ${sql(column)} = ${Array.isArray(value) ? sql.json(value) : String(value)}
        where video_id = ${videoId} returning ${sql(column)} as value`;
  try {
    const [row] = await asRole("authenticated", claimsOf(user.accessToken), update);
    return row?.value;
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

describe("a client that writes past the functions", () => {
  it.each([
    ["title", "exe.\u202egpj"],
    ["title", "two\nlines"],
    ["description", "a\u2066b"],
    ["description", "a\u0007b"],
    ["tags", ["fine", "\u202e"]],
    ["name", "a\u202ab"],
    ["name", "a\u0085b"],
  ])("is refused the %s %j", async (column, value) => {
    expect(await change(column, value)).toBe("validation_failed");
  });

  it.each([
    ["title", "cafe\u0301", "caf\u00e9"],
    ["description", "two\r\n\tlines", "two\r\n\tlines"],
    ["tags", ["a", "\u05d0\u200f"], ["a", "\u05d0\u200f"]],
    ["name", "Zoe\u0308", "Zo\u00eb"],
  ])("writes the %s %j as %j", async (column, value, stored) => {
    expect(await change(column, value)).toEqual(stored);
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { personListSchema } from "../../../supabase/functions/people/schemas.ts";
import { call, expectJson, expectProblem } from "../../support/call.ts";
import { adminSql, hasAdminSql } from "../../support/sql.ts";
import { createUser, type TestUser } from "../../support/users.ts";
import { createPerson } from "./support.ts";

let user: TestUser;
let names: string[];

beforeAll(async () => {
  user = await createUser();
  names = ["Ada", "Bo", "Cy", "Di", "Ed"];
  for (const name of names) await createPerson(user, name);
});

async function list(query = "", token = user.accessToken) {
  return personListSchema.parse(await expectJson(await call(`/people${query}`, { token }), 200));
}

describe("GET /people", () => {
  it("lists the caller's people, newest first", async () => {
    const page = await list();
    expect(page.people.map((person) => person.name)).toEqual(names.toReversed());
    expect(page).toMatchObject({ has_more: false, next_cursor: null });
    expect(page).not.toHaveProperty("total");
  });

  it("pages with a cursor through every person once", async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await list(`?limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      expect(page.people.length).toBeLessThanOrEqual(2);
      expect(page.has_more).toBe(page.next_cursor !== null);
      seen.push(...page.people.map((person) => person.name));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).toEqual(names.toReversed());
  });

  it("leaves out people named after the first page was read", async () => {
    const other = await createUser();
    for (const name of ["One", "Two", "Three"]) await createPerson(other, name);
    const first = await list("?limit=2", other.accessToken);
    await createPerson(other, "Late");
    const second = await list(
      `?limit=2&cursor=${encodeURIComponent(first.next_cursor ?? "")}`,
      other.accessToken,
    );
    expect(second.people.map((person) => person.name)).toEqual(["One"]);
    expect(second.has_more).toBe(false);
  });

  it.runIf(hasAdminSql())(
    "pages through people who were named at the same microsecond",
    async () => {
      const other = await createUser();
      await adminSql()`
      insert into public.face_profiles (user_id, name, created_at)
      select ${other.id}, 'Twin ' || n, '2026-01-02 03:04:05.678901+00' from generate_series(1, 7) as n
    `;
      const seen = new Set<string>();
      let cursor: string | null = null;
      do {
        const after: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
        const page = await list(`?limit=3${after}`, other.accessToken);
        for (const person of page.people) seen.add(person.name);
        cursor = page.next_cursor;
      } while (cursor);
      expect(seen.size).toBe(7);
    },
  );

  it("counts only when asked for, and counts everything the caller has", async () => {
    expect(await list("?limit=1&count=exact")).toMatchObject({ total: 5, has_more: true });
  });

  it("shows a user nobody else's people", async () => {
    const stranger = await createUser();
    const page = await list("?count=exact", stranger.accessToken);
    expect(page).toEqual({ people: [], next_cursor: null, has_more: false, total: 0 });
  });

  it("refuses a cursor that was altered or belongs to another user", async () => {
    const { next_cursor: cursor } = await list("?limit=2");
    const stranger = await createUser();
    const ask = (value: string, token: string) =>
      call(`/people?cursor=${encodeURIComponent(value)}`, { token });
    const altered = `A${cursor?.slice(1)}`;
    await expectProblem(await ask(altered, user.accessToken), "invalid_cursor", 400);
    await expectProblem(await ask("junk", user.accessToken), "invalid_cursor", 400);
    await expectProblem(await ask(cursor ?? "", stranger.accessToken), "invalid_cursor", 400);
  });

  it("finds names by how they begin, as text and in any case", async () => {
    const other = await createUser();
    for (const name of ["Minji", "Mina", "Amina", "50%", "민지"]) await createPerson(other, name);
    const found = async (q: string) => {
      const page = await list(`?count=exact&q=${encodeURIComponent(q)}`, other.accessToken);
      expect(page.total).toBe(page.people.length);
      return page.people.map((person) => person.name);
    };
    expect(await found("mIN")).toEqual(["Mina", "Minji"]);
    expect(await found("%")).toEqual([]);
    expect(await found("50%")).toEqual(["50%"]);
    expect(await found("민")).toEqual(["민지"]);
  });

  it("refuses a cursor of another prefix", async () => {
    const { next_cursor: cursor } = await list("?limit=2");
    const path = `/people?q=a&cursor=${encodeURIComponent(cursor ?? "")}`;
    await expectProblem(await call(path, { token: user.accessToken }), "invalid_cursor", 400);
  });

  it.each(["limit=0", "limit=101", "limit=ten", "limit=1.5", "count=about", "cursor=", "q="])(
    "refuses ?%s",
    async (query) => {
      const response = await call(`/people?${query}`, { token: user.accessToken });
      await expectProblem(response, "validation_failed", 422);
    },
  );

  it("answers with and without a slash at the end", async () => {
    expect((await list("/")).people).toHaveLength(5);
  });

  it("answers 405 for a method no route has", async () => {
    const response = await call("/people", { method: "PUT", token: user.accessToken, json: {} });
    await expectProblem(response, "method_not_allowed", 405);
    expect(response.headers.get("allow")).toBe("GET, HEAD, POST");
  });
});

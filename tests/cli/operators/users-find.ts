import { beforeAll, describe, expect, it } from "vitest";
import { heimdexHere } from "../../support/heimdex.ts";
import type { OwnStack } from "../../support/own-stack.ts";

const organization = "00000000-0000-4000-8000-0000000000aa";

export function testUsersFind(own: OwnStack): void {
  describe("heimdex users find", () => {
    const ids: Record<string, string> = {};
    const run = (...args: string[]) =>
      heimdexHere(["users", "find", ...args], { DATABASE_URL: own.stack.databaseUrl });
    const find = async (...args: string[]) => {
      const { code, out, err } = await run(...args, "--json");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      return JSON.parse(out) as {
        users: { email: string; [name: string]: unknown }[];
        has_more: boolean;
        next_cursor: string | null;
      };
    };
    const emails = async (...args: string[]) =>
      (await find(...args)).users.map(({ email }) => email.split("@")[0]);

    beforeAll(async () => {
      const people = [
        { name: "ann_fox", display: "Ann Fox", tier: "pro", onboarded: true },
        { name: "annXfox", display: "Anna 100%", onboarded: false },
        { name: "bob", display: "Bob\u001b[2J\nfree  yes", onboarded: true, tier: "enterprise" },
      ];
      for (const [index, { name, display, tier, onboarded }] of people.entries()) {
        const { data, error } = await own.admin.auth.admin.createUser({
          email: `${name}@find.example`,
          password: crypto.randomUUID(),
          email_confirm: name !== "annXfox",
          user_metadata: { display_name: display, onboarding_completed: onboarded },
          ...(tier ? { app_metadata: { tier } } : {}),
        });
        if (error) throw error;
        ids[name] = data.user.id;
        const created = `2026-0${index + 1}-01T00:00:00.000001Z`;
        await own.sql`update auth.users set created_at = ${created}::text::timestamptz
          where id = ${data.user.id}`;
      }
      await own.sql`insert into public.organizations (organization_id, name)
        values (${organization}, 'Foxes')`;
      await own.sql`insert into public.organization_members (organization_id, user_id, role)
        values (${organization}, ${ids.ann_fox ?? ""}, 'admin')`;
    });

    it.each([
      [["--email", "ANN_fox@"], ["ann_fox"]],
      [["--email", "@find.example"], ["bob", "annxfox", "ann_fox"]],
      [["--name", "100%"], ["annxfox"]],
      [["--name", "ann", "--onboarded", "yes"], ["ann_fox"]],
      [["--email", "find.example", "--onboarded", "no"], ["annxfox"]],
      [["--tier", "enterprise"], ["bob"]],
      [["--organization", organization], ["ann_fox"]],
      [["--created-after", "2026-02-01", "--created-before", "2026-03-01"], ["annxfox"]],
      [["--email", "' or true --"], []],
      [["--name", "%"], ["annxfox"]],
    ])("finds by %j", async (args, found) => {
      expect(await emails(...args)).toEqual(found);
    });

    it("shows what is known of a user", async () => {
      expect((await find("--email", "ann_fox")).users).toEqual([{
        user_id: ids.ann_fox,
        email: "ann_fox@find.example",
        display_name: "Ann Fox",
        tier: "pro",
        onboarded: true,
        state: "active",
        organizations: [organization],
        created_at: "2026-01-01T00:00:00.000Z",
        last_sign_in_at: null,
      }]);
    });

    it("goes on page by page until the last, and misses none", async () => {
      const seen: unknown[] = [];
      let args = ["--email", "@find.example", "--limit", "1"];
      for (let pages = 0; pages < 3; pages++) {
        const { users, has_more: more, next_cursor: next } = await find(...args);
        seen.push(...users.map(({ user_id }) => user_id));
        expect(more).toBe(pages < 2);
        if (next) args = ["--email", "@find.example", "--limit", "1", "--cursor", next];
      }
      expect(seen).toEqual([ids.bob, ids.annXfox, ids.ann_fox]);
    });

    it("writes one line a user, whatever a user called themself", async () => {
      const { out } = await run("--email", "bob@find.example");
      expect(out.trimEnd().split("\n")).toHaveLength(2);
      expect(out).not.toContain("\u001b");
    });

    it.each([
      [["--organization", "1 or 1=1"]],
      [["--cursor", "e30"]],
      [["--cursor", "%%%"]],
      [["--tier", "gold"]],
      [["--onboarded", "maybe"]],
      [["--created-after", "yesterday"]],
      [["--limit", "0"]],
    ])("exits 2 on %j", async (args) => {
      expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringMatching(/\S/) });
    });
  });
}

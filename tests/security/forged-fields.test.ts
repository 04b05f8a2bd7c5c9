import process from "node:process";
import { beforeAll, describe, expect, it } from "vitest";
import { call, expectJson } from "../support/call.ts";
import { type Ids, pathOf, type RouteCase, routes } from "../support/routes.ts";
import { isLongRun } from "../support/size.ts";
import { postgresSql } from "../support/sql.ts";
import { createUser, type TestUser } from "../support/users.ts";
import { openTables } from "./matrix.ts";

/** Fields that only the server decides about, as somebody would try to send them along. */
function forgedFields(victim: TestUser, organization: string): Record<string, unknown> {
  return {
    user_id: victim.id,
    owner_id: victim.id,
    supabase_user_id: victim.id,
    id: crypto.randomUUID(),
    organization_id: organization,
    state: "indexed",
    storage_key: `videos/${victim.id}/x.mp4`,
    path: `videos/${victim.id}/x.mp4`,
    bucket: "receipts",
    photo_keys: [`faces/${victim.id}/p/photo_1.jpg`],
    created_at: "2001-01-01T00:00:00Z",
    deleted_at: null,
    tier: "enterprise",
    role: "admin",
    permissions: ["admin"],
    email_verified: true,
    app_metadata: { tier: "enterprise", role: "admin", organization_id: organization },
    user_metadata: { tier: "enterprise", role: "admin", organization_id: organization },
    upload_limits: { free: 1000 },
    count: -1000,
  };
}

/** Sent one at a time in a sampled run, behind all of them together. */
const sampledFields = new Set(["user_id", "organization_id", "state", "storage_key", "tier"]);

/** They end the session or the account: sent once, with everything, by somebody else. */
const ending = new Set(["/logout", "/password-update", "/account"]);

let attacker: TestUser;
let leaver: TestUser;
let victim: TestUser;
let organization: string;
let own: Ids;
let before: unknown;
let sent = 0;
let uploads = 0;

beforeAll(async () => {
  // A tier whose limits the attempts do not reach; it is also what must not change.
  [attacker, leaver, victim] = await Promise.all([
    createUser({ appMetadata: { tier: "pro" } }),
    createUser(),
    createUser(),
  ]);
  organization = crypto.randomUUID();
  await postgresSql()`
    insert into public.organizations (organization_id, name) values (${organization}, 'Theirs')`;
  const [, things] = await Promise.all([createThings(victim), createThings(attacker)]);
  own = things;
  before = await readTheirs();
});

async function createThings({ accessToken: token }: TestUser): Promise<Ids> {
  const upload = { filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 };
  const [video, person] = await Promise.all([
    call("/videos/upload/init", { token, json: upload }),
    call("/people", { token, json: { name: "Captain Han" } }),
  ]);
  const { video_id } = await expectJson<{ video_id: string }>(video, 201);
  const { person_id } = await expectJson<{ person_id: string }>(person, 201);
  return { videoId: video_id, personId: person_id, exportId: crypto.randomUUID() };
}

/** Everything of the victim and of the organisation, and what the server knows of the others. */
async function readTheirs() {
  const owned = Object.entries(openTables).filter(([, { columns }]) => "user_id" in columns);
  const rows = await Promise.all(owned.map(async ([name, { columns, key }]) => {
    const ofOrganization = "organization_id" in columns
      ? "or organization_id = $2"
      : "or $2::uuid is null";
    return [
      name,
      [
        ...await postgresSql().unsafe(
          `select * from public.${name} where (user_id = $1 ${ofOrganization}) order by ${key}`,
          [victim.id, organization],
        ),
        // What the drain notes of the sign-up, sooner or later.
      ].filter((row) => row["event_type"] !== "user.updated"),
    ];
  }));
  const authority = await postgresSql()`
    select id, raw_app_meta_data from auth.users where id in (${attacker.id}, ${victim.id}) order by id`;
  return { rows: Object.fromEntries(rows), authority: [...authority] };
}

async function send(
  { name, route }: { name: string; route: RouteCase },
  user: TestUser,
  fields: Record<string, unknown>,
): Promise<void> {
  const { json } = route.request?.(own) ?? {};
  const body = { ...typeof json === "object" ? json : {}, ...fields };
  const answer = await call(pathOf(name, route, own), {
    method: route.method,
    token: user.accessToken,
    json: body,
  });
  sent++;
  const text = await answer.text();
  const what = `${route.method} ${name}${route.path} with ${Object.keys(fields)}`;
  expect(answer.status, `${what}: ${text.slice(0, 300)}`).toBeLessThan(500);
  expect(text, what).not.toContain(victim.id);
  if (answer.status === 201 && route.path === "/upload/init") uploads++;
}

const guarded = Object.entries(routes).flatMap(([name, cases]) =>
  cases.filter(({ auth, method }) => (auth === "user" || auth === "token") && method !== "GET")
    .map((route) => ({ name, route }))
);

describe("fields that only the server sets", () => {
  it.each(
    guarded.map((where) => ({
      ...where,
      title: `${where.route.method} ${where.name}${where.route.path}`,
    })),
  )(
    "are refused or left out by $title",
    async ({ name, route }) => {
      const fields = forgedFields(victim, organization);
      if (ending.has(route.path)) {
        await send({ name, route }, leaver, fields);
        return;
      }
      await send({ name, route }, attacker, fields);
      const single = Object.entries(fields).filter(([field]) =>
        isLongRun || sampledFields.has(field)
      );
      await Promise.all(
        single.map(([field, value]) => send({ name, route }, attacker, { [field]: value })),
      );
    },
  );

  it("reach nothing of others, no authority and no quota", async () => {
    process.stdout.write(`forged fields: ${sent} requests\n`);
    expect(await readTheirs()).toEqual(before);
  });

  it("leave the attacker's own rows as the server makes them", async () => {
    const videos = await postgresSql()`
      select storage_key, state, organization_id, deleted_at, created_at > now() - interval '1 hour' as fresh
      from public.videos where user_id = ${attacker.id} and deleted_at is null`;
    expect(videos).toHaveLength(uploads);
    for (const video of videos) {
      expect(video).toMatchObject({ state: "uploading", organization_id: null, fresh: true });
      expect(video["storage_key"]).toMatch(new RegExp(`^videos/${attacker.id}/[0-9a-f-]+\\.mp4$`));
    }
    const [used] = await postgresSql()`
      select count from public.rate_limits where user_id = ${attacker.id} and resource = 'video_upload'`;
    expect(used?.["count"]).toBe(uploads + 1);
  });
});

describe("an owner in the query string", () => {
  const lists = Object.entries(routes).flatMap(([name, cases]) =>
    cases.filter(({ auth, method }) => auth === "user" && method === "GET")
      .map((route) => ({ name, route, title: `${name}${route.path}` }))
  );

  it.each(lists)("shows nothing of theirs in GET $title", async ({ name, route }) => {
    const forged = new URLSearchParams({
      user_id: victim.id,
      owner_id: victim.id,
      organization_id: organization,
    });
    const path = pathOf(name, route, own);
    const answer = await call(`${path}${path.includes("?") ? "&" : "?"}${forged}`, {
      token: attacker.accessToken,
    });
    const text = await answer.text();
    expect(answer.status, text).toBeLessThan(500);
    expect(text.replaceAll(/"(instance|detail|path|message)":"[^"]*"/g, "")).not.toContain(
      victim.id,
    );
  });
});

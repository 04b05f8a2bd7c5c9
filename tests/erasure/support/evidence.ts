import { expect } from "vitest";
import { receiptSchema, verifyReceipts } from "../../../shared/erasure/receipts/mod.ts";
import type { Bystanders, Subject } from "./seed.ts";
import type { Sql, World } from "./world.ts";

/** Tables that know whom a running erasure is about, by their purpose, until it is final. */
const untilFinal = ["private.erased_users", "private.erasures", "private.erasure_objects"];

/** Every table that `seedSubject` leaves a trace in. */
export const placesOfSubject = [
  "auth.audit_log_entries",
  "auth.flow_state",
  "auth.identities",
  "auth.refresh_tokens",
  "auth.sessions",
  "auth.users",
  "private.exports",
  "public.audit_events",
  "public.consents",
  "public.face_profiles",
  "public.jobs",
  "public.organization_members",
  "public.organizations",
  "public.rate_limits",
  "public.scene_people",
  "public.scenes",
  "public.user_analytics",
  "public.video_metadata",
  "public.videos",
  "storage.objects",
];

/**
 * Tables in which any column of any row holds one of the texts, with the number of such rows. Asked
 * of every table there is, by no list of ours, as superuser.
 */
export async function findTraces(sql: Sql, texts: string[]): Promise<Record<string, number>> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'`;
  const patterns = texts.map((text) => `%${text}%`);
  const counts = tables.map(({ schema, name }) =>
    sql`select ${`${schema}.${name}`} as place, count(*)::int as rows
      from ${sql(schema)}.${sql(name)} as t where t::text ilike any(${patterns})`
  );
  const rows = await sql<{ place: string; rows: number }[]>`
    select place, rows from (${counts.reduce((all, one) => sql`${all} union all ${one}`)}) as found
    where rows > 0 order by place`;
  return Object.fromEntries(rows.map(({ place, rows }) => [place, rows]));
}

/** Expects that no row and no stored object anywhere knows of the subject. */
export async function expectErased(
  world: World,
  { userId, email, marker }: Subject,
  stage: "provisional" | "final" = "provisional",
): Promise<void> {
  const traces = await findTraces(world.sql, [userId, email, marker]);
  for (const table of stage === "provisional" ? untilFinal : []) delete traces[table];
  expect(traces).toEqual({});
  expect(JSON.stringify(world.log)).not.toContain(marker);
}

/** Everything of the bystanders in a form that shows any change; order and ids of rows included. */
export async function describeBystanders(
  { sql }: World,
  { user, organizationId }: Bystanders,
): Promise<Record<string, unknown>> {
  const described: Record<string, unknown> = {};
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.columns
    where table_schema in ('public', 'private', 'auth') and column_name = 'user_id'
    order by 1, 2`;
  for (const { schema, name } of tables) {
    const [row] = await sql<{ rows: number; digest: string }[]>`
      select count(*)::int as rows, md5(string_agg(r.line, ',' order by r.line)) as digest
      from ${sql(schema)}.${sql(name)} as t
      -- The drain counts an event when its turn comes.
      cross join lateral (select (to_jsonb(t) - 'counted')::text as line) as r
      where t.user_id::text = ${user.userId}`;
    described[`${schema}.${name}`] = row;
  }
  described.objects = await sql`
    select bucket_id, name, version, metadata from storage.objects
    where name like ${`%${user.userId}%`} order by bucket_id, name`;
  described.organization = await sql`
    select o.name, o.updated_at, count(m.*)::int as others from public.organizations as o
    left join public.organization_members as m
      on m.organization_id = o.organization_id and m.user_id = ${user.userId}
    where o.organization_id = ${organizationId} group by 1, 2`;
  return described;
}

/** What an organization has, by video; who uploaded it and where its files lie is left out. */
export async function describeOrganization(
  { sql }: World,
  organizationId: string,
): Promise<unknown[]> {
  const videos = await sql`
    select v.video_id, v.state, v.size_bytes, m.title, count(distinct s.scene_id)::int as scenes,
      count(distinct j.job_id)::int as jobs,
      (select count(*)::int from storage.objects as o where o.bucket_id = 'uploads'
        and o.name = v.storage_key and (o.metadata ->> 'size')::int = v.size_bytes) as files,
      count(distinct o.name)::int as pictures
    from public.videos as v
    join public.video_metadata as m using (video_id)
    left join public.scenes as s using (video_id)
    left join public.jobs as j using (video_id)
    left join storage.objects as o
      on o.bucket_id in ('thumbnails', 'sidecars') and o.name in (s.thumbnail_key, s.sidecar_key)
    where v.organization_id = ${organizationId}
    group by v.video_id, m.title order by v.video_id`;
  return [...videos];
}

/** The whole chain of receipts in its order. */
export async function readChain(sql: Sql): Promise<string[]> {
  const rows = await sql<{ receipt: string }[]>`
    select receipt from private.erasure_receipts order by sequence`;
  return rows.map(({ receipt }) => receipt);
}

/** The receipts of one erasure in the order of the chain. */
export async function readReceiptsOf(sql: Sql, erasureId: string): Promise<string[]> {
  const rows = await sql<{ receipt: string }[]>`
    select receipt from private.erasure_receipts where erasure_id = ${erasureId}
    order by sequence`;
  return rows.map(({ receipt }) => receipt);
}

/** Expects one valid chain of receipts that ends this erasure with exactly these stages. */
export async function expectReceipts(
  world: World,
  erasureId: string,
  stages: ("provisional" | "final")[],
): Promise<void> {
  const report = await verifyReceipts(await readChain(world.sql), world.publicKey);
  expect(report.faults).toEqual([]);
  expect(report.valid).toBe(true);
  const receipts = (await readReceiptsOf(world.sql, erasureId)).map((text) => JSON.parse(text));
  expect(receipts.map(({ stage }) => stage)).toEqual(stages);
}

/** Rows by table and objects by bucket that a receipt says were there. */
export interface ReceiptCounts {
  tables: Record<string, number>;
  buckets: Record<string, { objects: number; bytes: number }>;
}

/** What the newest receipt of an erasure says was there before it. */
export async function readCounts(sql: Sql, erasureId: string): Promise<ReceiptCounts> {
  const [newest] = (await readReceiptsOf(sql, erasureId)).slice(-1);
  const { tables, buckets } = receiptSchema.parse(JSON.parse(newest ?? "null"));
  const before = <T>(entries: Record<string, { before: T }>): Record<string, T> =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, entry.before]));
  return { tables: before(tables), buckets: before(buckets) };
}

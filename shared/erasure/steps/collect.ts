import type { Transaction } from "../../database/doors.ts";
import { addCounts } from "../counts.ts";
import type { Leftover } from "../erasure.ts";
import { manifest } from "../manifest.ts";
import type { BucketRule, RecordedKeys, Scope } from "../manifest-rules.ts";
import { countScope, pageSize } from "../rows.ts";
import type { ErasureRun, StepOutcome } from "../run.ts";
import {
  below,
  notKept,
  ofNobodyElse,
  ownedBy,
  sizeOf,
  takenConditions,
} from "../stored-objects.ts";

/** One way to find objects: pages that begin after a position. */
interface Source {
  name: string;
  readPage(sql: Transaction, scope: Scope, o: PageRequest): Promise<string | null>;
}

interface PageRequest {
  erasureId: string;
  /** Position after which the page begins; undefined for the first. */
  after: string | undefined;
}

/**
 * Counts what is there and writes down the keys of all objects before the rows that name them go:
 * recorded in tables, under the user's folders, owned by the user.
 */
export async function collectObjects(run: ErasureRun): Promise<StepOutcome> {
  if (run.job.cursor.part === undefined) {
    await fixOrganizations(run);
    await countBefore(run);
  }
  const { erasureId } = run.job;
  const sources = await run.page((_sql, scope) => ({ value: listSources(scope) }));
  for await (const { part, cursor } of run.partsFromCursor(sources)) {
    let after = cursor.after;
    for (let more = true; more;) {
      const next: string | null = await run.page(async (sql, scope) => {
        const last = await part.readPage(sql, scope, { erasureId, after });
        const position = { part: part.name, ...(last === null ? {} : { after: last }) };
        return { value: last, change: { cursor: position } };
      });
      more = next !== null;
      after = next ?? undefined;
    }
  }
  return "done";
}

/** Writes down which organizations go, and lets go of objects of those that stay after all. */
async function fixOrganizations(run: ErasureRun): Promise<void> {
  if (run.job.kind === "person") return;
  await run.page((_sql, { alone }) => {
    const organizations = [...new Set([...run.job.organizations, ...alone])]
      .filter((id) => alone.includes(id));
    return { value: undefined, change: { organizations } };
  });
  await run.page(async (sql, scope) => {
    const inFolder = sql`starts_with(o.key, 'organizations/')
      and split_part(o.key, '/', 2) <> all(${[...scope.going]}::text[])`;
    for (const rule of manifest.buckets) {
      await sql`
        delete from private.erasure_objects as e using (
          select bucket, key, key as name from private.erasure_objects
          where erasure_id = ${run.job.erasureId} and removed_at is null and bucket = ${rule.name}
        ) as o
        where e.erasure_id = ${run.job.erasureId} and e.bucket = o.bucket and e.key = o.key
          and (${inFolder} or not (${notKept(sql, rule, scope)}))`;
    }
    return { value: undefined };
  });
}

/** What was there in all: what is there now, and what earlier rounds of this job took away. */
async function countBefore(run: ErasureRun): Promise<void> {
  await run.page(async (sql, scope) => {
    const countsBefore = addCounts(await countScope(sql, scope), run.job.erased);
    const kept = await countKeptVideos(sql, scope);
    const leftovers = kept === 0 ? run.job.leftovers : nameKeptVideos(run.job.leftovers, kept);
    return { value: undefined, change: { countsBefore, leftovers } };
  });
}

const keptVideos = "videos of organizations";

function nameKeptVideos(leftovers: readonly Leftover[], count: number): Leftover[] {
  return [
    ...leftovers.filter(({ what }) => what !== keptVideos),
    { what: keptVideos, reason: `${count} stay with their organization, without the user` },
  ];
}

async function countKeptVideos(sql: Transaction, scope: Scope): Promise<number> {
  if (scope.personId !== null) return 0;
  const [row] = await sql<{ count: number }[]>`
    select count(*) as count from public.videos as t
    where t.user_id = ${scope.userId} and t.organization_id is not null and t.deleted_at is null
      and t.organization_id <> all(${[...scope.going]}::uuid[])`;
  return row?.count ?? 0;
}

function listSources(scope: Scope): Source[] {
  return manifest.buckets.filter((rule) => rule.prefixes(scope).length > 0).flatMap((rule) => [
    ...rule.recordedIn.flatMap((recorded) => recordedSources(rule, recorded)),
    ...rule.prefixes(scope).map((prefix) => prefixSource(rule, prefix)),
    ...scope.personId === null ? [ownerSource(rule)] : [],
  ]);
}

/** Conditions are paged one by one; an organization that goes adds a second one. */
function recordedSources(rule: BucketRule, recorded: RecordedKeys): Source[] {
  return [0, 1].map((index) => ({
    name: `${rule.name}:${recorded.table}:${index}`,
    readPage: async (sql, scope, o) => {
      const condition = takenConditions(sql, recorded.table, scope)[index];
      if (!condition) return null;
      const { table, column, many } = recorded;
      const position = sql(recorded.position);
      const key = many ? sql`unnest(found.keys::text[])` : sql`found.keys::text`;
      const beyond = o.after === undefined ? sql`` : sql`and t.${position} > ${o.after}::uuid`;
      const [row] = await sql<{ last: string | null }[]>`
        with found as (
          select t.${position} as position, t.${sql(column)} as keys from ${sql(table)} as t
          where ${condition} ${beyond} order by t.${position} limit ${pageSize}
        ), named as (
          select distinct ${key} as key from found
        ), noted as (
          insert into private.erasure_objects as e (erasure_id, bucket, key, reason, bytes)
          select ${o.erasureId}::uuid, ${rule.name}, o.name, 'table', ${sizeOf(sql)}
          from named
          inner join storage.objects as o on o.bucket_id = ${rule.name} and o.name = named.key
          where ${ofNobodyElse(sql, scope)}
          on conflict (erasure_id, bucket, key) do update set removed_at = null
          where e.removed_at is not null
        )
        select (select position::text from found order by position desc limit 1) as last`;
      return row?.last ?? null;
    },
  }));
}

function prefixSource(rule: BucketRule, prefix: string): Source {
  return {
    name: `${rule.name}:${prefix}`,
    readPage: async (sql, scope, o) => {
      const beyond = o.after === undefined ? sql`` : sql`and o.name collate "C" > ${o.after}`;
      const [row] = await sql<{ last: string | null }[]>`
        with found as (
          select o.name, ${sizeOf(sql)} as bytes from storage.objects as o
          where o.bucket_id = ${rule.name} and ${below(sql, prefix)} ${beyond}
            and ${notKept(sql, rule, scope)}
          order by o.name collate "C" limit ${pageSize}
        ), noted as (
          insert into private.erasure_objects as e (erasure_id, bucket, key, reason, bytes)
          select ${o.erasureId}::uuid, ${rule.name}, name, 'prefix', bytes from found
          on conflict (erasure_id, bucket, key) do update set removed_at = null
          where e.removed_at is not null
        )
        select max(name collate "C") as last from found`;
      return row?.last ?? null;
    },
  };
}

function ownerSource(rule: BucketRule): Source {
  return {
    name: `${rule.name}:owner`,
    readPage: async (sql, scope, o) => {
      await sql`
        insert into private.erasure_objects as e (erasure_id, bucket, key, reason, bytes)
        select ${o.erasureId}::uuid, ${rule.name}, o.name, 'owner', ${sizeOf(sql)}
        from storage.objects as o
        where o.bucket_id = ${rule.name} and ${ownedBy(sql, scope)} and ${notKept(sql, rule, scope)}
        on conflict (erasure_id, bucket, key) do update set removed_at = null
        where e.removed_at is not null`;
      return null;
    },
  };
}

import type { LegacyTableName } from "../../../shared/legacy/schema.ts";
import {
  makeBelongings,
  makeOrphans,
  rowOddities,
  type RowOddity,
  type SampleObject,
} from "./belongings.ts";
import { makePeople, type SampleAccount } from "./people.ts";
import { createRandom, type Random } from "./random.ts";
import type { LegacyRow, LegacyRows } from "./write.ts";

/** A legacy system with everything a real one may hold, as rows, accounts and objects. */
export interface Sample {
  rows: LegacyRows;
  /** What the project's Supabase Auth holds of it. */
  accounts: SampleAccount[];
  objects: SampleObject[];
  /** Passwords that work after the move whatever is decided. */
  logins: { email: string; password: string }[];
  /** How many users are odd in which way. */
  oddities: Record<string, number>;
}

/** Fewest users that show every oddity. */
export const minUsers = 50;

/** Makes a sample: nothing but `seed` and `users` decides what comes out. */
export async function generateSample(o: { users: number; seed: number }): Promise<Sample> {
  const random = createRandom(o.seed);
  const people = await makePeople(random, o.users);
  const rows: Partial<Record<LegacyTableName, LegacyRow[]>> = {
    users: people.map(({ row }) => row),
  };
  const objects: SampleObject[] = [];
  const to = {
    add: (table: LegacyTableName, row: LegacyRow) => void (rows[table] ??= []).push(row),
    addObject: (object: SampleObject) => void objects.push(object),
  };
  const rowKinds = dealRowOddities(random, o.users);
  const counts: Record<string, number> = {};
  for (const [index, { userId, oddity, row }] of people.entries()) {
    const rowKind = rowKinds[index] ?? "none";
    for (const kind of [oddity, rowKind]) counts[kind] = (counts[kind] ?? 0) + 1;
    makeBelongings(random, to, { userId, oddity: rowKind, createdAt: String(row.created_at) });
  }
  const orphans = Math.max(5, Math.round(o.users / 40));
  makeOrphans(random, to, orphans);
  const { plain: _plain, none: _none, ...odd } = counts;
  return {
    rows,
    accounts: people.flatMap((person) => person.accounts),
    objects,
    logins: people.flatMap(({ login }) => login ?? []),
    oddities: { ...odd, orphan_rows: 2 * orphans },
  };
}

function dealRowOddities(random: Random, users: number): RowOddity[] {
  const dealt = Object.entries(rowOddities).flatMap(([kind, share]) =>
    Array<RowOddity>(Math.max(1, Math.round(share * users / 1000))).fill(kind as RowOddity)
  );
  return random.shuffle([...dealt, ...Array<RowOddity>(users - dealt.length).fill("none")]);
}

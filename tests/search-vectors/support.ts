import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { btree_gin } from "@electric-sql/pglite/contrib/btree_gin";
import { pg_trgm } from "@electric-sql/pglite/contrib/pg_trgm";
import { pgcrypto } from "@electric-sql/pglite/contrib/pgcrypto";
import { uuid_ossp } from "@electric-sql/pglite/contrib/uuid_ossp";
import { vector } from "@electric-sql/pglite/vector";
import postgres from "postgres";
import { bootstrapDatabase } from "../../local/bootstrap/mod.ts";
import {
  applyMigration,
  readMigrations,
  type TestDatabase,
} from "../migrations/support/database.ts";

/**
 * A PostgreSQL in this process, which has pgvector where the binaries of the local stack have not.
 * All connections are one session, of a superuser: transactions take turns.
 */
export async function startVectorDatabase(): Promise<TestDatabase> {
  const db = await PGlite.create({
    extensions: { btree_gin, pg_trgm, pgcrypto, uuid_ossp, vector },
  });
  const server = new PGLiteSocketServer({ db, port: 0, maxConnections: 10 });
  await server.start();
  const url = `postgresql://postgres@${server.getServerConn()}/postgres?sslmode=disable`;
  const password = crypto.randomUUID();
  await bootstrapDatabase({
    adminUrl: url,
    passwords: {
      postgres: password,
      authenticator: password,
      supabase_auth_admin: password,
      supabase_storage_admin: password,
    },
  });
  const types = { int8: { to: 20, from: [20], parse: Number, serialize: String } };
  const sql = postgres(url, { max: 1, onnotice: () => {}, types });
  for (const migration of await readMigrations()) await applyMigration(sql, migration);
  const stop = async () => {
    await sql.end();
    await server.stop();
    await db.close();
  };
  return { sql, admin: sql, url, stop };
}

/** Numbers from 0 to 1, the same in every run (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const dimensions = 1152;
const freedom = 16;

/**
 * Vectors as a model makes them: they lie near a surface of few dimensions, in groups. `group` is
 * the middle of one; without it they are anywhere. Whole numbers, which are quick to read.
 */
export function createVectors(random: () => number): (group?: number) => number[] {
  const centred = () => random() - 0.5;
  const basis = Array.from({ length: freedom }, () => Array.from({ length: dimensions }, centred));
  const groups = Array.from({ length: 16 }, () => Array.from({ length: freedom }, centred));
  return (group) => {
    const middle = group === undefined ? undefined : groups[group];
    const place = Array.from(
      { length: freedom },
      (_, n) => middle ? 2 * (middle[n] ?? 0) + 0.7 * centred() : 2 * centred(),
    );
    return Array.from({ length: dimensions }, (_, at) =>
      Math.round(
        40 * place.reduce((sum, value, n) => sum + value * (basis[n]?.[at] ?? 0), centred() / 4),
      ));
  };
}

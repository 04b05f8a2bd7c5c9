import postgres from "postgres";
import type { Caller } from "../keys.ts";
import { withDeadline } from "../driver-faults.ts";
import { isConnectionError } from "../rest-errors.ts";
import { refuse, StorageError } from "./errors.ts";

export type Transaction = postgres.TransactionSql;

export interface StorageDatabase {
  /** Runs as the caller's role with the caller's claims, so that policies decide. */
  asCaller<T>(
    caller: Caller,
    operation: string,
    work: (sql: Transaction) => Promise<T>,
  ): Promise<T>;
  /** Runs as the owner of schema storage: only after the caller's right was shown. */
  asOwner<T>(work: (sql: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work` as the caller and always rolls back: asks the policies without writing. */
  probe(
    caller: Caller,
    operation: string,
    work: (sql: Transaction) => PromiseLike<unknown>,
  ): Promise<void>;
  /** A name no other database has, for what is kept beside it on disk. */
  identify(): Promise<string>;
  /** Opens new connections in place of those there are. */
  renew(): void;
  close(): Promise<void>;
}

class RollBack extends Error {}

export function connectStorage(adminDatabaseUrl: string): StorageDatabase {
  const open = () =>
    postgres(adminDatabaseUrl, {
      max: 10,
      onnotice: () => {},
      connection: { role: "supabase_storage_admin", application_name: "local-storage" },
    });
  let sql = open();

  async function run<T>(work: (sql: Transaction) => Promise<T>): Promise<T> {
    try {
      const outcome = await withDeadline(
        sql.begin(async (tx) => ({ value: await work(tx) })),
      );
      return outcome.value;
    } catch (error) {
      throw translate(error);
    }
  }

  const asCaller: StorageDatabase["asCaller"] = (caller, operation, work) =>
    run(async (tx) => {
      await tx`select
        set_config('request.jwt.claims', ${JSON.stringify(caller.claims)}, true),
        set_config('request.jwt.claim.sub', ${caller.claims.sub ?? ""}, true),
        set_config('request.jwt.claim.role', ${caller.role}, true),
        set_config('storage.operation', ${operation}, true),
        set_config('storage.allow_delete_query', 'true', true),
        set_config('role', ${caller.role}, true)`;
      return await work(tx);
    });

  return {
    asCaller,
    asOwner: (work) =>
      run(async (tx) => {
        await tx`select set_config('storage.allow_delete_query', 'true', true)`;
        return await work(tx);
      }),
    probe: async (caller, operation, work) => {
      try {
        await asCaller(caller, operation, async (tx) => {
          await work(tx);
          throw new RollBack();
        });
      } catch (error) {
        if (!(error instanceof RollBack)) throw error;
      }
    },
    identify: () =>
      run(async (tx) => {
        const [row] = await tx<{ name: string }[]>`select system_identifier || '-' || oid as name
            from pg_control_system(), pg_database where datname = current_database()`;
        return row?.name ?? "database";
      }),
    renew: () => {
      void sql.end({ timeout: 5 }).catch(() => {});
      sql = open();
    },
    close: () => sql.end({ timeout: 1 }),
  };
}

function translate(error: unknown): unknown {
  if (error instanceof StorageError || !(error instanceof Error) || !("code" in error)) {
    return error;
  }
  const code = String(error.code);
  if (code === "42501") return refuse.accessDenied(error.message);
  if (code === "23505") return refuse.alreadyExists();
  if (code === "23503") return refuse.noSuchBucket();
  return isConnectionError(error) ? refuse.unavailable() : error;
}

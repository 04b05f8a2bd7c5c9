import type postgres from "postgres";
import type { Deps } from "../http/deps.ts";
import type { LegacySource } from "./source.ts";

/** The two databases of the move; one when the legacy tables already lie in the project's. */
export interface LegacyDatabases {
  /** The project's database, role postgres. `bigint` and `numeric` come as text. */
  sql: postgres.Sql;
  source: LegacySource;
  now(): Date;
}

/** What the steps of the move work with. */
export interface LegacyContext extends LegacyDatabases {
  /** The parts of the platform, from the settings of the functions. */
  deps: Deps;
}

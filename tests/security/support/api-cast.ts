import { adminSql, claimsOf, postgresSql } from "../../support/sql.ts";
import { canMintTokens, useStack } from "../../support/stack.ts";
import { mintToken } from "../../support/tokens.ts";
import { adminClient, createUser, type TestUser } from "../../support/users.ts";
import { type Actor, actors, people, type Person } from "../matrix.ts";
import { staleClaims } from "./claims.ts";
import { type Account, type Cast, seedRows } from "./rows.ts";

/** The cast of the matrix on the stack of this run, with a real token for each. */
export interface ApiCast extends Cast {
  /** Those whose token this run can have: all, but on a stack that keeps its keys. */
  actors: readonly Actor[];
  headersOf(actor: Actor): Record<string, string>;
}

const types: Readonly<Record<string, string>> = {
  mp4: "video/mp4",
  jpg: "image/jpeg",
  json: "application/json",
  zip: "application/zip",
};

/** Whether a user can be deleted here without the erasure that follows; see {@link deleteQuietly}. */
export const canDeleteQuietly = () => useStack().adminDatabaseUrl !== undefined;

/** Signs everybody in, ends the sessions that have to end, and writes rows and objects for all. */
export async function createApiCast(): Promise<ApiCast> {
  const users = Object.fromEntries(
    await Promise.all(people.map(async (name) => [name, await createPerson(name)] as const)),
  ) as Record<Person, TestUser>;
  const accounts = Object.fromEntries(
    people.map((name) => {
      const { id, accessToken } = users[name];
      return [name, { id, sessionId: String(claimsOf(accessToken)["session_id"]) }];
    }),
  ) as Record<Person, Account>;
  const cast = await seedRows(postgresSql(), accounts);
  await Promise.all(cast.objects.map(uploadObject));
  await endSessions(users);
  const tokens = await collectTokens(users);
  const { publishableKey, secretKey } = useStack();
  return {
    ...cast,
    actors: actors.filter((actor) => actor in tokens || actor === "anon" || actor === "service"),
    headersOf(actor) {
      if (actor === "service") return { apikey: secretKey };
      const token = tokens[actor];
      return {
        apikey: publishableKey,
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      };
    },
  };
}

/** `other` and `former` hold tokens that promise more than they have. */
async function createPerson(name: Person): Promise<TestUser> {
  if (name !== "other" && name !== "former") return await createUser();
  const stale = staleClaims(crypto.randomUUID());
  return await createUser({
    appMetadata: stale["app_metadata"] as Record<string, unknown>,
    userMetadata: stale["user_metadata"] as Record<string, unknown>,
  });
}

async function uploadObject({ bucket, path }: { bucket: string; path: string }): Promise<void> {
  const type = types[path.split(".").at(-1) ?? ""] ?? "application/json";
  const { error } = await adminClient().storage.from(bucket)
    .upload(path, new Blob(["{}"], { type }), { contentType: type, upsert: true });
  if (error) throw new Error(`Cannot upload ${bucket}/${path}`, { cause: error });
}

async function endSessions({ signedOut, banned, deleted }: Record<Person, TestUser>) {
  const { error: out } = await signedOut.client.auth.signOut({ scope: "global" });
  const { error: ban } = await adminClient().auth.admin
    .updateUserById(banned.id, { ban_duration: "24h" });
  if (out ?? ban) throw new Error("Cannot end sessions", { cause: out ?? ban });
  if (canDeleteQuietly()) await deleteQuietly(deleted.id);
}

/** Takes the event of the deletion with it, so that no erasure removes the rows under the test. */
async function deleteQuietly(id: string): Promise<void> {
  await adminSql().begin(async (sql) => {
    await sql`delete from auth.users where id = ${id}`;
    await sql`delete from private.auth_events where user_id = ${id}`;
  });
}

async function collectTokens(users: Record<Person, TestUser>) {
  const tokens: Partial<Record<Actor, string>> = Object.fromEntries(
    people.map((name) => [name, users[name].accessToken]),
  );
  if (!canDeleteQuietly()) delete tokens.deleted;
  if (canMintTokens()) {
    const { session_id: _session, ...claims } = claimsOf(users.owner.accessToken);
    tokens.sessionless = await mintToken({ ...claims, session_id: undefined });
  }
  return tokens;
}

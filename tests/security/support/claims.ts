import { type Actor, people, type Person } from "../matrix.ts";
import type { Accounts, Identities } from "./rows.ts";

/** The role and the claims with which the Data API would send a request of this actor. */
export interface Identity {
  role: "anon" | "authenticated" | "service_role";
  claims: Record<string, unknown>;
}

/**
 * What tokens say that no policy may believe: an organisation that was left, a tier that was lost,
 * and whatever a user wrote about themselves.
 */
export function staleClaims(organisation: string): Record<string, unknown> {
  const authority = { organization_id: organisation, role: "admin", tier: "enterprise" };
  return { app_metadata: authority, user_metadata: { ...authority, permissions: ["admin"] } };
}

const misled: readonly Person[] = ["other", "former"];

/** Nobody's signature is checked here: these are the claims of a token that passed. */
export function identify(cast: Identities, actor: Actor): Identity {
  if (actor === "anon") return { role: "anon", claims: { role: "anon" } };
  if (actor === "service") return { role: "service_role", claims: { role: "service_role" } };
  const person = people.find((name) => name === actor) ?? "owner";
  const { id, sessionId } = cast.accounts[person];
  return {
    role: "authenticated",
    claims: {
      sub: id,
      role: "authenticated",
      ...(actor === "sessionless" ? {} : { session_id: sessionId }),
      ...(misled.includes(person) ? staleClaims(cast.organisation) : {}),
    },
  };
}

/** People without accounts, for what is refused whoever asks. */
export function inventPeople(): Identities {
  const accounts = people.map((name) => [
    name,
    { id: crypto.randomUUID(), sessionId: crypto.randomUUID() },
  ]);
  return {
    accounts: Object.fromEntries(accounts) as Accounts,
    organisation: crypto.randomUUID(),
  };
}

import { uniqueEmail } from "../../support/users.ts";
import { type Answer, send } from "./row.ts";

export const PASSWORD = "correct horse 9";

/** POST /admin/users as an administrator; e-mail confirmed unless told otherwise. */
export async function adminCreate(fields: Record<string, unknown> = {}): Promise<Answer> {
  return await send("/admin/users", {
    key: "secret",
    json: { email: uniqueEmail("conformance"), email_confirm: true, ...fields },
  });
}

/** A confirmed user with PASSWORD. */
export async function createPerson(fields: Record<string, unknown> = {}): Promise<{
  id: string;
  email: string;
}> {
  const { body, status } = await adminCreate({ password: PASSWORD, ...fields });
  if (status !== 200) throw new Error(`Cannot create a user: ${JSON.stringify(body)}`);
  return { id: body.id, email: body.email };
}

export async function logIn(email: string, password = PASSWORD): Promise<Answer> {
  return await send("/token?grant_type=password", { json: { email, password } });
}

export async function refresh(refreshToken: string): Promise<Answer> {
  return await send("/token?grant_type=refresh_token", { json: { refresh_token: refreshToken } });
}

/** A confirmed user who has signed in. */
export async function createSignedIn(fields: Record<string, unknown> = {}): Promise<{
  id: string;
  email: string;
  accessToken: string;
  refreshToken: string;
}> {
  const person = await createPerson(fields);
  const { body, status } = await logIn(person.email);
  if (status !== 200) throw new Error(`Cannot sign in: ${JSON.stringify(body)}`);
  return { ...person, accessToken: body.access_token, refreshToken: body.refresh_token };
}

export async function adminUpdate(id: string, json: Record<string, unknown>): Promise<Answer> {
  return await send(`/admin/users/${id}`, { method: "PUT", key: "secret", json });
}

export async function adminDelete(id: string, json?: Record<string, unknown>): Promise<Answer> {
  return await send(`/admin/users/${id}`, {
    method: "DELETE",
    key: "secret",
    ...(json === undefined ? {} : { json }),
  });
}

export async function adminGet(id: string): Promise<Answer> {
  return await send(`/admin/users/${id}`, { key: "secret" });
}

export async function getUser(accessToken: string): Promise<Answer> {
  return await send("/user", { token: accessToken });
}

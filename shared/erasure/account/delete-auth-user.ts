import { type AuthClients, toAuthFailure } from "../../auth/clients.ts";

/**
 * Deletes a user of Supabase Auth for good; one who is gone already is fine.
 * Shape: `userId` is a UUID in lower case.
 * @throws AppError auth_unavailable (503), also when the deletion failed inside Supabase Auth
 */
export async function deleteAuthUser(
  auth: Pick<AuthClients, "admin">,
  userId: string,
): Promise<void> {
  const { auth: { admin } } = await auth.admin();
  const { error } = await admin.deleteUser(userId);
  if (error && error.code !== "user_not_found") throw toAuthFailure(error);
}

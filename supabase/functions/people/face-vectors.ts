import type { Deps } from "../../../shared/http/deps.ts";
import { requireFaceEnrollment } from "./people.ts";

/**
 * Sets the face vector of a person for a worker; it stays in the database.
 * @param vector 512 numbers in pgvector's text form
 * @throws AppError feature_disabled (face enrollment is off, or no pgvector), consent_required,
 * person_not_found
 */
export async function setFaceVector(
  { env, database }: Deps,
  personId: string,
  vector: string,
): Promise<void> {
  requireFaceEnrollment(env);
  await database.asService((sql) =>
    sql`select private.set_face_vector(${personId}::uuid, ${vector}::text)`
  );
}

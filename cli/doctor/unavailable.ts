/** A part that a check needs is not there; the message is why the check was not made. */
export class UnavailableError extends Error {
  override name = "UnavailableError";
}

/** SUPABASE_URL names a place where nobody answers. */
export class SilentError extends UnavailableError {
  override name = "SilentError";
}

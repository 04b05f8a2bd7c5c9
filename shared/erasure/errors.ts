/** The erasure ran to its end and something is left; another run takes it up. */
export class IncompleteErasureError extends Error {
  override readonly name = "IncompleteErasureError";
}

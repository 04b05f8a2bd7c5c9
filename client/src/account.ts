import type { BodyOf, Call, DeletionTicket, ErasurePreview, ErasureStatus } from "./types.ts";

/** Deletion of the own account. */
export class AccountArea {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  /** What a deletion would erase, what stays and what stands against it. */
  previewDeletion(): Promise<ErasurePreview> {
    return this.#call("getErasurePreview", {});
  }

  /** Deletes the account; keep `status_token`, it is shown this once. */
  delete(body: NonNullable<BodyOf<"deleteAccount">> = {}): Promise<DeletionTicket> {
    return this.#call("deleteAccount", { body });
  }

  /** How far the erasure is; with the status token also when the account is gone. */
  erasure(statusToken?: string): Promise<ErasureStatus> {
    return this.#call("getErasure", toHeaders(statusToken));
  }

  /** Cancels a deletion that is scheduled. */
  cancelDeletion(statusToken?: string): Promise<ErasureStatus> {
    return this.#call("cancelErasure", toHeaders(statusToken));
  }
}

function toHeaders(token: string | undefined): { headers?: Record<string, string> } {
  return token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
}

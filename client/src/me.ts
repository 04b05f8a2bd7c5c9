import type { BodyOf, Call, ChangedProfile, Export, OpenExport, Profile, Usage } from "./types.ts";

/** The own profile, usage and export. */
export class MeArea {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  /** The profile as the token has it; `fresh` asks Supabase Auth instead. */
  get({ fresh = false }: { fresh?: boolean } = {}): Promise<Profile> {
    return this.#call("getProfile", fresh ? { query: { fresh: "true" } } : {});
  }

  /** Changes the named fields; null clears one. The session is refreshed when it resolves. */
  update(changes: BodyOf<"updateProfile">): Promise<ChangedProfile> {
    return this.#call("updateProfile", { body: changes });
  }

  /** What the account holds and may still upload today. */
  usage(): Promise<Usage> {
    return this.#call("getUsage", {});
  }

  /** Asks for a copy of everything stored about the account. */
  requestExport(): Promise<OpenExport> {
    return this.#call("requestExport", {});
  }

  /** The state of an export and, once completed, its files. */
  getExport(id: string): Promise<Export> {
    return this.#call("getExport", { path: { id } });
  }
}

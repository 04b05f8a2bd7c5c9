import { HeimdexError } from "./errors.ts";
import type { SupabaseLike } from "./supabase.ts";
import type { BodyOf, Call, ChangedProfile, Session } from "./types.ts";

/** Registration and sign-in; each session goes into the app's own supabase-js client. */
export class AuthArea {
  readonly #call: Call;
  readonly #supabase: SupabaseLike;

  constructor(call: Call, supabase: SupabaseLike) {
    this.#call = call;
    this.#supabase = supabase;
  }

  /** Registers; null: a mail to confirm the address is on its way. */
  async register(body: BodyOf<"register">): Promise<Session | null> {
    const answer = await this.#call("register", { body });
    return "access_token" in answer ? await this.#adopt("register", answer) : null;
  }

  /** Signs in with e-mail address and password. */
  async login(body: BodyOf<"login">): Promise<Session> {
    return await this.#adopt("login", await this.#call("login", { body }));
  }

  /**
   * Signs in with the link or the code of a mail; null: a change of address waits for the mail to
   * the other one.
   */
  async verify(body: BodyOf<"verify">): Promise<Session | null> {
    const answer = await this.#call("verify", { body });
    return "access_token" in answer ? await this.#adopt("verify", answer) : null;
  }

  /**
   * Ends sessions: all of the user (unless said), this one, or all others. Their tokens are refused
   * at once. supabase-js does it, which forgets its own session with them.
   */
  async logout({ scope = "global" }: NonNullable<BodyOf<"logout">> = {}): Promise<void> {
    const { error } = await this.#supabase.auth.signOut({ scope });
    if (error) throw new HeimdexError("logout", error.message, { cause: error });
  }

  /** Sends a mail to set a new password; says nothing of whether the address is known. */
  async sendPasswordReset(body: BodyOf<"sendPasswordReset">): Promise<void> {
    await this.#call("sendPasswordReset", { body });
  }

  /** Sends a sign-in link; says nothing of whether the address is known. */
  async sendMagicLink(body: BodyOf<"sendMagicLink">): Promise<void> {
    await this.#call("sendMagicLink", { body });
  }

  /** Sets a new password and ends all other sessions. */
  async updatePassword(body: BodyOf<"updatePassword">): Promise<void> {
    await this.#call("updatePassword", { body });
  }

  /** Finishes the onboarding. */
  completeOnboarding(body: BodyOf<"completeOnboarding">): Promise<ChangedProfile> {
    return this.#call("completeOnboarding", { body });
  }

  async #adopt(operation: string, session: Session): Promise<Session> {
    const { access_token, refresh_token } = session;
    const { error } = await this.#supabase.auth.setSession({
      access_token,
      refresh_token,
    });
    if (error) {
      throw new HeimdexError(operation, error.message, { cause: error });
    }
    return session;
  }
}

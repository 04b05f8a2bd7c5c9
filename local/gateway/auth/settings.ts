/** What a project may configure in Supabase Auth, as far as it is served here. */
export interface AuthSettings {
  /** Confirm e-mail addresses at sign-up without a mail (`enable_confirmations = false`). */
  autoconfirm: boolean;
  disableSignup: boolean;
  /** An address change needs both mailboxes (`double_confirm_changes`). */
  secureEmailChange: boolean;
  /** A new password needs a mailed code in sessions older than a day (`secure_password_change`). */
  securePasswordChange: boolean;
  /** Life of an access token in seconds. */
  jwtExpirySeconds: number;
  /** Life of a mailed code or link in seconds. */
  otpExpirySeconds: number;
  otpLength: number;
  minPasswordLength: number;
  /** A rotated refresh token may be used again for so long. */
  refreshTokenReuseSeconds: number;
  /** Of new hashes. A hosted project takes 10; here a login must not hold up the gateway. */
  bcryptCost: number;
  /** Pause between two mails to the same user; 60 s on a hosted project, 1 s here. */
  emailFrequencySeconds: number;
  /** Globs of redirect targets besides the site URL and loopback addresses. */
  additionalRedirectUrls: readonly string[];
  /** `schema.function`; used while it exists, null switches it off. */
  tokenHook: string | null;
  /**
   * Requests for each address of `rateLimitHeader` and five minutes, with a burst as large. A
   * request without that header is not limited, as in Supabase Auth; a hosted project allows 30
   * for mail, 150 for tokens and 30 for codes, with bursts of 30.
   */
  rateLimits: { mail: number; token: number; verify: number };
  rateLimitHeader: string;
  /** IP address forwarding: a request with the secret key may say whose it is. */
  ipForwarding: boolean;
}

/** The embedded stack runs with what supabase/config.toml says. */
export const defaultSettings: AuthSettings = {
  autoconfirm: false,
  disableSignup: false,
  secureEmailChange: true,
  securePasswordChange: true,
  jwtExpirySeconds: 3600,
  otpExpirySeconds: 3600,
  otpLength: 6,
  minPasswordLength: 8,
  refreshTokenReuseSeconds: 10,
  bcryptCost: 6,
  emailFrequencySeconds: 1,
  additionalRedirectUrls: [],
  tokenHook: "public.custom_access_token_hook",
  rateLimits: { mail: 3000, token: 15_000, verify: 3000 },
  rateLimitHeader: "x-forwarded-for",
  ipForwarding: true,
};

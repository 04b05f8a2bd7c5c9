/** A text that looks like a secret and is none, with the reason why it may stand there. */
export interface Allowed {
  /** Where it may stand. */
  path: RegExp;
  match: RegExp;
  reason: string;
}

/** Each entry has to excuse something; the scan fails for one that does not. */
export const allowed: readonly Allowed[] = [
  {
    path: /^tests\//,
    match: /^postgresql:\/\/\w+:(open-sesame|wrong)@127\.0\.0\.1:/,
    reason: "Passwords no database has, for tests that must not connect",
  },
  {
    path: /^tests\/shared\/env\.test\.ts$/,
    match: /^postgresql:\/\/postgres:pa#ss@db\.test:5432\/postgres/,
    reason: "An address that is refused, because its password is not encoded",
  },
  {
    path: /^tests\/shared\/events\/verify-signature\.test\.ts$/,
    match: /^whsec_MfKQ9r8GKYq/,
    reason: "The published test vector of Standard Webhooks",
  },
];

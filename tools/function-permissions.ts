/** What a function may touch outside of itself; everything else is denied to it. */
export interface FunctionPermissions {
  /** Variables besides those every function reads. */
  env: readonly string[];
  /** Hosts besides Supabase and its database, by the variable that names them. */
  net: readonly string[];
}

/** Read by every function: where the project is, its keys, and how tokens are verified. */
export const commonVariables = [
  "DATABASE_URL",
  "HEIMDEX_ALLOWED_ORIGINS",
  "HEIMDEX_CLIENT_IP_HEADER",
  "HEIMDEX_FORWARD_CLIENT_IP",
  "HEIMDEX_JWT_ISSUER",
  "HEIMDEX_LEGACY_JWT_SECRET",
  "HEIMDEX_PUBLIC_URL",
  "SUPABASE_ANON_KEY",
  "SUPABASE_DB_URL",
  "SUPABASE_JWKS",
  "SUPABASE_PUBLISHABLE_KEY",
  "SUPABASE_PUBLISHABLE_KEYS",
  "SUPABASE_SECRET_KEY",
  "SUPABASE_SECRET_KEYS",
  "SUPABASE_SERVICE_ROLE_KEY",
  "SUPABASE_URL",
] as const;

const erasures = [
  "HEIMDEX_ERASURES_PER_HOUR",
  "HEIMDEX_LATE_SWEEP_SECONDS",
  "HEIMDEX_PSEUDONYM_KEY",
  "HEIMDEX_RECEIPT_KEY",
];

/** The least each function runs with; docs/security.md has the same table. */
export const functionPermissions: Readonly<Record<string, FunctionPermissions>> = {
  "auth-onboarding": {
    env: [...erasures, "HEIMDEX_ANSWER_MS", "HEIMDEX_SITE_URL"],
    net: [],
  },
  "auth-webhook": {
    env: [
      ...erasures,
      "HEIMDEX_ANALYTICS_DAYS",
      "HEIMDEX_AUDIT_ADDRESS_DAYS",
      "HEIMDEX_CRON_SECRET",
      "HEIMDEX_EVENT_ATTEMPTS",
      "HEIMDEX_WEBHOOK_SECRETS",
    ],
    net: [],
  },
  me: { env: [], net: [] },
  people: {
    env: [
      ...erasures,
      "HEIMDEX_CURSOR_KEY",
      "HEIMDEX_FACE_ENROLLMENT",
      "HEIMDEX_WORKER_KEYS",
    ],
    net: [],
  },
  search: {
    env: [
      "HEIMDEX_CURSOR_KEY",
      "HEIMDEX_EMBEDDER_KEY",
      "HEIMDEX_EMBEDDER_MODEL",
      "HEIMDEX_EMBEDDER_URL",
    ],
    net: ["HEIMDEX_EMBEDDER_URL"],
  },
  videos: {
    env: ["HEIMDEX_CURSOR_KEY", "HEIMDEX_FACE_ENROLLMENT", "HEIMDEX_WORKER_KEYS"],
    net: [],
  },
};

/**
 * Flags of `deno run` for one function.
 * @param hosts `host:port` of Supabase, of the database and of whatever `net` names
 */
export function toDenoFlags(
  { env }: FunctionPermissions,
  hosts: readonly string[],
): string[] {
  const names = [...commonVariables, ...env].sort();
  return [
    "--no-prompt",
    `--allow-net=${hosts.join(",")}`,
    `--allow-env=${names.join(",")}`,
    // The database driver looks for PGHOST and its like: to it they are not set.
    "--ignore-env",
  ];
}

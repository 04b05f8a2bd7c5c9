import { z } from "zod";
import { type Check, found } from "../check.ts";

const hook = "public.custom_access_token_hook(jsonb)";

const answerSchema = z.object({
  claims: z.looseObject({ email_verified: z.literal(false), user_created_at: z.null() }),
});

export const tokenHook: Check = {
  id: "token-hook",
  looks: "the custom access token hook: there, callable by Supabase Auth alone, and answering",
  why: "Supabase Auth refuses every login when the hook is switched on and cannot be called, and " +
    "without it no token carries a trustworthy email_verified",
  mend:
    "Run the migration 20261122100700 again, and switch the hook on under Authentication, Hooks " +
    '(or with "supabase config push")',
  async run({ read, manage }) {
    const managed = await manage("/config/auth");
    const switchedOff = managed === null || isHookOn(managed.body) ? [] : [
      managed.status === 200
        ? "The hook is not switched on in the project's authentication settings"
        : `The management API answered ${managed.status}: SUPABASE_ACCESS_TOKEN cannot read them`,
    ];
    const [row] = await read((sql) =>
      sql<[{ there: boolean; granted: boolean; usage: boolean; open: boolean }]>`
        select to_regprocedure(${hook}) is not null as there,
          coalesce(has_function_privilege('supabase_auth_admin', to_regprocedure(${hook}), 'execute'), false) as granted,
          has_schema_privilege('supabase_auth_admin', 'public', 'usage')
            and has_schema_privilege('supabase_auth_admin', 'private', 'usage') as usage,
          coalesce(has_function_privilege('anon', to_regprocedure(${hook}), 'execute')
            or has_function_privilege('authenticated', to_regprocedure(${hook}), 'execute'), false) as open`
    );
    if (!row.there) return found([`${hook} does not exist`, ...switchedOff]);
    return found([
      ...switchedOff,
      ...row.granted ? [] : ["supabase_auth_admin may not execute the hook"],
      ...row.usage ? [] : ["supabase_auth_admin may not use the schemas public and private"],
      ...row.open ? ["A client may execute the hook"] : [],
      ...await answers(read) ? [] : ["The hook does not answer with the claims it should"],
    ]);
  },
};

/** Tries it with a user who does not exist: it reads one row and writes nothing. */
async function answers(read: Parameters<Check["run"]>[0]["read"]): Promise<boolean> {
  const event = { user_id: "00000000-0000-4000-8000-000000000000", claims: { sub: "doctor" } };
  try {
    const [row] = await read((sql) =>
      sql`select public.custom_access_token_hook(${sql.json(event)}) as answer`
    );
    return answerSchema.safeParse(row?.answer).success;
  } catch {
    return false;
  }
}

function isHookOn(config: unknown): boolean {
  const schema = z.looseObject({
    hook_custom_access_token_enabled: z.literal(true),
    hook_custom_access_token_uri: z.string().includes("custom_access_token_hook"),
  });
  return schema.safeParse(config).success;
}

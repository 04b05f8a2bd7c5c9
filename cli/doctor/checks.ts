import type { Check } from "./check.ts";
import { accessToken } from "./checks/access-token.ts";
import { anonymousGrants } from "./checks/anonymous-grants.ts";
import { authSettings } from "./checks/auth-settings.ts";
import { authTriggers } from "./checks/auth-triggers.ts";
import { backups } from "./checks/backups.ts";
import { buckets } from "./checks/buckets.ts";
import { clientAddress } from "./checks/client-address.ts";
import { clock } from "./checks/clock.ts";
import { dataApi } from "./checks/data-api.ts";
import { deadLetters } from "./checks/dead-letters.ts";
import { definerFunctions } from "./checks/definer-functions.ts";
import { drainSchedule } from "./checks/drain-schedule.ts";
import { drain } from "./checks/drain.ts";
import { foreignKeys } from "./checks/foreign-keys.ts";
import { functions } from "./checks/functions.ts";
import { legacyKeys } from "./checks/legacy-keys.ts";
import { migrations } from "./checks/migrations.ts";
import { missingGrants } from "./checks/missing-grants.ts";
import { organizations } from "./checks/organizations.ts";
import { orphans } from "./checks/orphans.ts";
import { passwordImport } from "./checks/password-import.ts";
import { policyForm } from "./checks/policy-form.ts";
import { policyMetadata } from "./checks/policy-metadata.ts";
import { pseudonymKey } from "./checks/pseudonym-key.ts";
import { receipts } from "./checks/receipts.ts";
import { rowSecurity } from "./checks/row-security.ts";
import { secretStrength } from "./checks/secret-strength.ts";
import { sessionPolicies } from "./checks/session-policies.ts";
import { settings } from "./checks/settings.ts";
import { signingKeys } from "./checks/signing-keys.ts";
import { tokenHook } from "./checks/token-hook.ts";
import { webhookSecrets } from "./checks/webhook-secrets.ts";

/** Every check, in the order of the report. One file each. */
export const checks: readonly Check[] = [
  migrations,
  authTriggers,
  tokenHook,
  rowSecurity,
  sessionPolicies,
  policyForm,
  policyMetadata,
  missingGrants,
  anonymousGrants,
  definerFunctions,
  foreignKeys,
  buckets,
  drain,
  drainSchedule,
  deadLetters,
  orphans,
  organizations,
  receipts,
  pseudonymKey,
  settings,
  secretStrength,
  webhookSecrets,
  legacyKeys,
  clientAddress,
  clock,
  signingKeys,
  authSettings,
  functions,
  dataApi,
  accessToken,
  passwordImport,
  backups,
];

import { type Check, found, notChecked } from "../check.ts";

export const webhookSecrets: Check = {
  id: "webhook-secrets",
  looks: "HEIMDEX_WEBHOOK_SECRETS, and that an unsigned request is refused",
  why: "Without a secret no signed event can be received; a door that does not ask for the " +
    "signature lets anybody erase users who are gone",
  mend: "Set HEIMDEX_WEBHOOK_SECRETS to v1,whsec_<base64> of 32 random bytes; two separated by a " +
    "vertical bar while they rotate",
  async run({ env, knowsSettings, call }) {
    const secrets = (env.HEIMDEX_WEBHOOK_SECRETS ?? "").split("|").filter(Boolean);
    if (!knowsSettings) {
      return notChecked("The settings of the functions are not in this environment");
    }
    if (secrets.length === 0) return found(["HEIMDEX_WEBHOOK_SECRETS is not set"]);
    const { status } = await call("/functions/v1/auth-webhook", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    return found([
      ...secrets.length > 2
        ? [`${secrets.length} webhook secrets are in use: a rotation was not ended`]
        : [],
      ...status < 400 ? [`An unsigned event was answered with ${status}`] : [],
    ]);
  },
};

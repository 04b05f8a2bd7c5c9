import { type Check, found, notChecked } from "../check.ts";

const names = [
  "HEIMDEX_CURSOR_KEY",
  "HEIMDEX_CRON_SECRET",
  "HEIMDEX_PSEUDONYM_KEY",
  "HEIMDEX_WEBHOOK_SECRETS",
  "HEIMDEX_WORKER_KEYS",
  "HEIMDEX_LEGACY_JWT_SECRET",
];

/** Secrets of published examples; everybody knows them. */
const wellKnown =
  /super-secret|change-?me|your-|example|password|secret-?secret|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw|^test|1234567/i;

const fewestCharacters = 24;
const fewestDifferent = 10;

export const secretStrength: Check = {
  id: "secret-strength",
  looks: "secrets and keys of ours in this environment: length, variety, published values, reuse",
  why:
    "A secret that can be guessed opens the drain, the workers' routes or the webhook, and forges " +
    "cursors; one used twice leaks with the weaker of its two places",
  mend: 'Make each anew, such as "openssl rand -base64 32", and set it for the functions',
  run({ env }) {
    const given = names.flatMap((name) =>
      (env[name] ?? "").split(/[|,]/).map((part) => part.trim().replace(/^whsec_/, ""))
        .filter((value) => value !== "" && value !== "v1")
        .map((value) => ({ name, value }))
    );
    if (given.length === 0) {
      return Promise.resolve(
        notChecked("The settings of the functions are not in this environment"),
      );
    }
    const weak = given.filter(({ value }) => isWeak(value)).map(({ name }) => name);
    const twice = given.filter(({ name, value }) =>
      given.some((other) => other.name !== name && other.value === value)
    ).map(({ name }) => name);
    return Promise.resolve(found([
      ...[...new Set(weak)].map((name) => `${name} can be guessed`),
      ...twice.length > 0 ? [`The same value serves for ${[...new Set(twice)].join(" and ")}`] : [],
    ]));
  },
};

function isWeak(value: string): boolean {
  return value.length < fewestCharacters || new Set(value).size < fewestDifferent ||
    wellKnown.test(value);
}

/** One route that must not tell which addresses are known. */
export interface MeasuredRoute {
  name: string;
  /** Path below `/functions/v1`. */
  path: string;
  /** The same request as Supabase Auth takes it, without our function in front: the baseline. */
  authPath: string;
  toBody(email: string): Record<string, unknown>;
  toAuthBody(email: string): Record<string, unknown>;
}

const password = "wrong-but-long-enough-1";

/** The routes whose times must be alike; a login here is always one with a wrong password. */
export const measuredRoutes: readonly MeasuredRoute[] = [
  {
    name: "login",
    path: "/auth-onboarding/login",
    authPath: "/auth/v1/token?grant_type=password",
    toBody: (email) => ({ email, password }),
    toAuthBody: (email) => ({ email, password }),
  },
  {
    name: "register",
    path: "/auth-onboarding/register",
    authPath: "/auth/v1/signup",
    toBody: (email) => ({ email, password }),
    toAuthBody: (email) => ({ email, password }),
  },
  {
    name: "password-reset",
    path: "/auth-onboarding/password-reset",
    authPath: "/auth/v1/recover",
    toBody: (email) => ({ email }),
    toAuthBody: (email) => ({ email }),
  },
  {
    name: "magic-link",
    path: "/auth-onboarding/magic-link",
    authPath: "/auth/v1/otp",
    toBody: (email) => ({ email }),
    toAuthBody: (email) => ({ email, create_user: false }),
  },
  {
    name: "verify",
    path: "/auth-onboarding/verify",
    authPath: "/auth/v1/verify",
    toBody: (email) => ({ type: "email", email, token: "000000" }),
    toAuthBody: (email) => ({ type: "email", email, token: "000000" }),
  },
];

/** Median times in milliseconds. */
export interface Times {
  known: number;
  unknown: number;
  /** Between the two, without its sign. */
  difference: number;
}

/** Milliseconds. */
const longestPause = 300;

/** What it takes to speak to a stack. */
export interface MeasuredStack {
  url: string;
  publishableKey: string;
}

/**
 * Sends one request for each address, known and unknown ones mixed, `parallel` at a time with a
 * pause of random length before each: in lockstep the work of one would delay the answer of another,
 * and always the same one.
 * @param o.known as many addresses as unknown ones are made up
 */
export async function measure(
  stack: MeasuredStack,
  o: { path: string; bodyOf: MeasuredRoute["toBody"]; known: readonly string[]; parallel: number },
): Promise<Times> {
  const requests = shuffle(o.known.flatMap((email) => [
    { kind: "known" as const, email },
    { kind: "unknown" as const, email: `unknown-${crypto.randomUUID()}@example.test` },
  ]));
  const times = { known: [] as number[], unknown: [] as number[] };
  let next = 0;
  const work = async () => {
    for (let request = requests[next++]; request; request = requests[next++]) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * longestPause));
      times[request.kind].push(await timeOf(stack, o.path, o.bodyOf(request.email)));
    }
  };
  await Promise.all(Array.from({ length: o.parallel }, work));
  const known = median(times.known);
  const unknown = median(times.unknown);
  return { known, unknown, difference: Math.abs(known - unknown) };
}

function shuffle<T>(items: readonly T[]): T[] {
  return items.map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place).map(({ item }) => item);
}

async function timeOf(
  { url, publishableKey }: MeasuredStack,
  path: string,
  body: Record<string, unknown>,
): Promise<number> {
  const started = performance.now();
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", apikey: publishableKey },
    body: JSON.stringify(body),
  });
  await response.text();
  const time = performance.now() - started;
  if (response.status === 429 || response.status >= 500) {
    throw new Error(`${path} answered ${response.status}: these times would say nothing`);
  }
  return time;
}

/** The middle of the values; the mean of both where their count is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined) throw new Error("There is nothing to measure");
  return (low + high) / 2;
}

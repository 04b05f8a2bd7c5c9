import { Refusal } from "./device.ts";

/** Ends the step with this sentence unless the condition holds. */
export function check(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence);
}

/** Ends the step unless the call is refused with this status and code. */
export async function expectRefusal(
  call: Promise<unknown>,
  status: number,
  code: string,
): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    check(
      error.status === status && error.code === code,
      `Expected ${status} ${code}, the answer was ${error.message}`,
    );
    return `${status} ${code}`;
  }
  throw new Error(`Expected ${status} ${code}, the call went through`);
}

/** What a call of supabase-js gave, or its error thrown. */
export async function unwrap<R extends { data: unknown; error: Error | null }>(
  call: PromiseLike<R>,
): Promise<Extract<R, { error: null }>["data"]> {
  const { data, error } = await call;
  if (error) throw error;
  return data;
}

/** Tries until `attempt` gives a value; ends the step when time is up. */
export async function waitFor<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  timeoutMs = 15_000,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    const value = await attempt();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`);
}

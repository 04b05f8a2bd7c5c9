import { LocalStackError } from "./errors.ts";

/** A loopback port nobody listens on at this moment. */
export function findFreePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Throws a sentence when somebody already listens on the port. */
export function assertPortFree(port: number, purpose: string, advice: string): void {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new LocalStackError(
        `Port ${port} for ${purpose} is taken by another program: stop that program or ${advice}`,
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new LocalStackError(
        `Port ${port} for ${purpose} needs more rights than this user has: ${advice}`,
      );
    }
    throw error;
  }
}

/** Below what operating systems lend to connections, whose number no other process can then take. */
const [lowest, highest] = [20_000, 32_000];

/**
 * A loopback port for a process that cannot choose its own. Nothing holds it until that listens, so
 * the number is a random one: tests beside this one choose as well.
 */
export function findFreePort(): number {
  for (let tries = 0; tries < 100; tries++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (isFree(port)) return port;
  }
  throw new Error("Found no free port: end what listens on so many");
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

const encoder = new TextEncoder();

/**
 * Compares a secret that a caller sent with the configured one in constant time.
 * Both are hashed first, so that neither length nor common beginning shows in the time taken.
 */
export async function isSameSecret(given: string, configured: string): Promise<boolean> {
  const [a, b] = await Promise.all([digest(given), digest(configured)]);
  let difference = 0;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

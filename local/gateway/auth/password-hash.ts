const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const ARGON2 =
  /^\$argon2(?:i|id)\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export type HashKind = "bcrypt" | "argon2";

/**
 * The kind of an imported password hash, or null when Supabase Auth would refuse it: bcrypt, and
 * argon2i or argon2id of version 19 within its limits, unpadded base64, no keyid or data.
 */
export function recogniseHash(hash: string): HashKind | null {
  const bcrypt = BCRYPT.exec(hash);
  if (bcrypt) return Number(bcrypt[1]) >= 4 && Number(bcrypt[1]) <= 31 ? "bcrypt" : null;
  const argon2 = ARGON2.exec(hash);
  if (!argon2) return null;
  const [memory, time, threads] = [Number(argon2[1]), Number(argon2[2]), Number(argon2[3])];
  const inRange = memory >= 1 && memory <= 1_048_576 && time >= 1 && time <= 20 && threads >= 1 &&
    threads <= 16;
  return inRange && isBase64(argon2[4]) && isBase64(argon2[5]) ? "argon2" : null;
}

function isBase64(text: string | undefined): boolean {
  return text !== undefined && text.length % 4 !== 1;
}

import { describe, expect, test } from "vitest";
import { parseGoDuration } from "../../local/gateway/auth/go-duration.ts";
import { mergeMetadata } from "../../local/gateway/auth/metadata.ts";
import { recogniseHash } from "../../local/gateway/auth/password-hash.ts";
import { RateLimiter } from "../../local/gateway/auth/rate-limit.ts";
import { defaultSettings } from "../../local/gateway/auth/settings.ts";

describe("Go durations", () => {
  test.each([
    ["0", 0],
    ["24h", 86_400_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1500],
    ["-1h", -3_600_000],
    ["100ms", 100],
    ["876600h", 3_155_760_000_000],
  ])("%s", (text, milliseconds) => {
    expect(parseGoDuration(text)).toBe(milliseconds);
  });

  test.each(["", "24", "1d", "h", "1 h", "forever", "1h garbage", "--1h"])("%j is none", (text) => {
    expect(parseGoDuration(text)).toBeNull();
  });
});

describe("imported password hashes", () => {
  const salt = "c29tZXNhbHQ";
  const hash = "aGFzaGhhc2g";
  test.each([
    ["bcrypt", `$2a$10$${"a".repeat(53)}`],
    ["bcrypt", `$2y$31$${"a".repeat(53)}`],
    ["argon2", `$argon2i$v=19$m=1024,t=2,p=1$${salt}$${hash}`],
    ["argon2", `$argon2id$v=19$m=1048576,t=20,p=16$${salt}$${hash}`],
  ])("%s: %s", (kind, text) => {
    expect(recogniseHash(text)).toBe(kind);
  });

  test.each([
    ["a cost beyond bcrypt's", `$2a$32$${"a".repeat(53)}`],
    ["a bcrypt hash cut short", `$2a$10$${"a".repeat(52)}`],
    ["argon2d", `$argon2d$v=19$m=1024,t=2,p=1$${salt}$${hash}`],
    ["a key id", `$argon2id$v=19$m=1024,t=2,p=1,keyid=x$${salt}$${hash}`],
    ["too many threads", `$argon2id$v=19$m=1024,t=2,p=17$${salt}$${hash}`],
    ["base64 of a length that cannot be", `$argon2id$v=19$m=1024,t=2,p=1$${salt}aa$${hash}`],
    ["another algorithm", "$pbkdf2$1000$x$y"],
  ])("%s is refused", (_what, text) => {
    expect(recogniseHash(text)).toBeNull();
  });
});

test("metadata: keys are replaced whole and null deletes", () => {
  expect(mergeMetadata({ a: { x: 1 }, b: 2, c: 3 }, { a: { y: 2 }, b: null }))
    .toEqual({ a: { y: 2 }, c: 3 });
  expect(mergeMetadata(null, { a: 1 })).toEqual({ a: 1 });
});

describe("token bucket", () => {
  test("refills over five minutes and never above its size", () => {
    let now = 0;
    const limiter = new RateLimiter({ mail: 2, token: 2, verify: 2 }, () => now);
    const take = () => limiter.take("mail", "192.0.2.1");
    expect([take(), take(), take()]).toEqual([true, true, false]);
    now += 150_000;
    expect([take(), take()]).toEqual([true, false]);
    now += 3_600_000;
    expect([take(), take(), take()]).toEqual([true, true, false]);
  });

  test("limits and addresses do not share a bucket", () => {
    const limiter = new RateLimiter({ mail: 1, token: 1, verify: 1 }, () => 0);
    expect(limiter.take("mail", "192.0.2.1")).toBe(true);
    expect(limiter.take("token", "192.0.2.1")).toBe(true);
    expect(limiter.take("mail", "192.0.2.2")).toBe(true);
    expect(limiter.take("mail", "192.0.2.1")).toBe(false);
  });
});

describe("default settings are those of supabase/config.toml", async () => {
  const config = await Deno.readTextFile(new URL("../../supabase/config.toml", import.meta.url));
  const read = (key: string) => new RegExp(`^${key} = (.*)$`, "m").exec(config)?.[1];

  test.each([
    ["enable_confirmations", !defaultSettings.autoconfirm],
    ["double_confirm_changes", defaultSettings.secureEmailChange],
    ["secure_password_change", defaultSettings.securePasswordChange],
    ["jwt_expiry", defaultSettings.jwtExpirySeconds],
    ["otp_expiry", defaultSettings.otpExpirySeconds],
    ["otp_length", defaultSettings.otpLength],
    ["minimum_password_length", defaultSettings.minPasswordLength],
    ["refresh_token_reuse_interval", defaultSettings.refreshTokenReuseSeconds],
    ["max_frequency", `"${defaultSettings.emailFrequencySeconds}s"`],
    ["additional_redirect_urls", JSON.stringify(defaultSettings.additionalRedirectUrls)],
    [
      "uri",
      `"pg-functions://postgres/${defaultSettings.tokenHook?.replace(".", "/")}"`,
    ],
  ])("%s", (key, value) => {
    expect(read(key)).toBe(String(value));
  });
});

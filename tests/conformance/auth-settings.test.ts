import { describe, expect, test } from "vitest";
import { hasAdminSql } from "../support/sql.ts";
import { canMintTokens, useStack } from "../support/stack.ts";
import { uniqueEmail } from "../support/users.ts";
import { startOwnGateway } from "./auth/own-gateway.ts";
import { createPerson, PASSWORD } from "./auth/people.ts";

const password = PASSWORD;

describe.runIf(hasAdminSql() && canMintTokens())("Supabase Auth with other settings", () => {
  test("with autoconfirm a sign-up opens a session without a mail", async () => {
    const gateway = await startOwnGateway({ autoconfirm: true });
    const email = uniqueEmail("auto");
    const { status, body } = await gateway.send("/signup", { email, password });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      token_type: "bearer",
      user: { email, email_confirmed_at: expect.any(String) },
    });
    expect(await gateway.readCode(email)).toBe("");
  });

  test("with autoconfirm a known address is told so", async () => {
    const gateway = await startOwnGateway({ autoconfirm: true });
    const { email } = await createPerson();
    const answer = await gateway.send("/signup", { email, password });
    expect(answer).toMatchObject({ status: 422, code: "user_already_exists" });
  });

  test("with autoconfirm a one-time code still goes by mail", async () => {
    const gateway = await startOwnGateway({ autoconfirm: true });
    const email = uniqueEmail("auto");
    await gateway.send("/otp", { email });
    const token = await gateway.readCode(email);
    const answer = await gateway.send("/verify", { type: "email", email, token });
    expect(answer).toMatchObject({ status: 200, body: { token_type: "bearer" } });
  });

  test("with sign-ups disabled only an administrator creates users", async () => {
    const gateway = await startOwnGateway({ disableSignup: true });
    const refused = await gateway.send("/signup", { email: uniqueEmail(), password });
    expect(refused).toMatchObject({ status: 422, code: "signup_disabled" });
    const { secretKey } = useStack();
    const json = { email: uniqueEmail() };
    const created = await gateway.send("/admin/users", json, { apikey: secretKey });
    expect(created.status).toBe(200);
  });

  test("a mailed code expires", async () => {
    const gateway = await startOwnGateway({ otpExpirySeconds: -1 });
    const email = uniqueEmail("late");
    await gateway.send("/signup", { email, password });
    const token = await gateway.readCode(email);
    const answer = await gateway.send("/verify", { type: "email", email, token });
    expect(answer).toMatchObject({ status: 403, code: "otp_expired" });
  });

  test("codes have the configured length", async () => {
    const gateway = await startOwnGateway({ otpLength: 8 });
    const email = uniqueEmail("long");
    await gateway.send("/signup", { email, password });
    expect(await gateway.readCode(email)).toMatch(/^\d{8}$/);
  });

  test("a longer minimum applies to new passwords", async () => {
    const gateway = await startOwnGateway({ minPasswordLength: 20 });
    const answer = await gateway.send("/signup", { email: uniqueEmail(), password });
    expect(answer).toMatchObject({ status: 422, code: "weak_password" });
  });

  test("tokens live as long as configured", async () => {
    const gateway = await startOwnGateway({ jwtExpirySeconds: 120 });
    const { email } = await createPerson();
    const { body } = await gateway.send("/token?grant_type=password", { email, password });
    expect(body.expires_in).toBe(120);
  });

  test("an address is limited on its own, and only where a proxy tells it", async () => {
    const gateway = await startOwnGateway({ rateLimits: { mail: 10, token: 2, verify: 10 } });
    const logIn = (headers: Record<string, string>) =>
      gateway.send("/token?grant_type=password", { email: uniqueEmail(), password }, headers);
    const first = { "x-forwarded-for": "192.0.2.1, 10.0.0.1" };
    await logIn(first);
    await logIn(first);
    const refused = await logIn(first);
    expect(refused).toMatchObject({ status: 429, code: "over_request_rate_limit" });
    expect(refused.headers.get("retry-after")).toBeNull();
    expect((await logIn({ "x-forwarded-for": "192.0.2.2" })).status).toBe(400);
    expect((await logIn({})).status).toBe(400);
  });

  test("a server with the secret key tells whose request it passes on", async () => {
    const { publishableKey, secretKey } = useStack();
    const logInOn = async (ipForwarding: boolean) => {
      const rateLimits = { mail: 10, token: 1, verify: 10 };
      const gateway = await startOwnGateway({ rateLimits, ipForwarding });
      return async (apikey: string, forwarded: string) => {
        const headers = {
          apikey,
          "sb-forwarded-for": forwarded,
          "x-forwarded-for": "192.0.2.1",
        };
        const json = { email: uniqueEmail(), password };
        return (await gateway.send("/token?grant_type=password", json, headers)).status;
      };
    };
    const trusting = await logInOn(true);
    expect(await trusting(secretKey, "198.51.100.1, 10.0.0.1")).toBe(400);
    expect(await trusting(secretKey, "198.51.100.1")).toBe(429);
    expect(await trusting(secretKey, "2001:db8::1")).toBe(400);
    // The proxy's word counts where the header is nobody's, no address, or not asked for.
    expect(await trusting(publishableKey, "198.51.100.2")).toBe(400);
    expect(await trusting(publishableKey, "198.51.100.3")).toBe(429);
    expect(await trusting(secretKey, "somebody")).toBe(429);
    const plain = await logInOn(false);
    expect(await plain(secretKey, "198.51.100.4")).toBe(400);
    expect(await plain(secretKey, "198.51.100.5")).toBe(429);
  });

  test("a link leads to a target that matches a configured pattern", async () => {
    const additionalRedirectUrls = ["https://*.example.org/**"];
    const gateway = await startOwnGateway({ additionalRedirectUrls });
    const { email } = await createPerson();
    const redirectOf = async (redirect_to: string) => {
      const json = { type: "magiclink", email, redirect_to };
      const { secretKey } = useStack();
      return (await gateway.send("/admin/generate_link", json, { apikey: secretKey })).body
        .redirect_to;
    };
    expect(await redirectOf("https://app.example.org/a/b")).toBe("https://app.example.org/a/b");
    expect(await redirectOf("https://a.b.example.org/")).toBe("http://127.0.0.1:3000");
    expect(await redirectOf("https://example.org.evil.test/")).toBe("http://127.0.0.1:3000");
    expect(await redirectOf("javascript:alert(1)")).toBe("http://127.0.0.1:3000");
  });
});

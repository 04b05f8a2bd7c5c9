import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../shared/errors/app-error.ts";
import { signBody, verifySignature } from "../../../shared/events/verify-signature.ts";

const makeSecret = () =>
  `v1,whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`;
const current = makeSecret();
const previous = makeSecret();
const body = '{"type":"user.deleted","data":{"user_id":"7b0c0f5e-7a0e-4f4e-9a3e-0d6a4f1c2b3a"}}';
const id = "msg_2f9c";
const now = new Date("2026-03-04T05:06:07.890Z");

function sign(o: { secret?: string; at?: Date; body?: string } = {}): string {
  return signBody({ secret: o.secret ?? current, id, signedAt: o.at ?? now, body: o.body ?? body });
}

function verify(
  headers: Record<string, string>,
  o: { secrets?: string[]; body?: string; now?: Date } = {},
) {
  const seconds = String(Math.floor(now.getTime() / 1000));
  return verifySignature({
    headers: new Headers({ "webhook-id": id, "webhook-timestamp": seconds, ...headers }),
    body: o.body ?? body,
    secrets: o.secrets ?? [current],
    now: o.now ?? now,
  });
}

function codeOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return "none";
}

describe("verifySignature", () => {
  it("takes what the Standard Webhooks library signs and returns id and time", () => {
    const signature = new Webhook(current.replace(/^v1,/, "")).sign(id, now, body);
    const signed = verify({ "webhook-signature": signature });
    expect(signed).toEqual({ id, signedAt: new Date("2026-03-04T05:06:07.000Z") });
  });

  it("agrees with the example of the specification", () => {
    const headers = new Headers({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
    const secrets = ["v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    const at = new Date(1614265330 * 1000);
    expect(verifySignature({ headers, body: '{"test": 2432232314}', secrets, now: at }).id)
      .toBe("msg_p5jXN8AQM9LWM0D4loKWxJek");
  });

  it("takes either secret while keys rotate", () => {
    const secrets = [current, previous];
    expect(verify({ "webhook-signature": sign({ secret: previous }) }, { secrets }).id).toBe(id);
    expect(verify({ "webhook-signature": sign() }, { secrets }).id).toBe(id);
  });

  it("finds the right signature at any place of a list joined by a space or a comma and a space", () => {
    const other = sign({ secret: makeSecret() });
    for (const separator of [" ", ", "]) {
      for (const list of [[sign(), other], [other, sign()], [other, sign(), other]]) {
        expect(verify({ "webhook-signature": list.join(separator) }).id).toBe(id);
      }
    }
  });

  it("passes over signatures of other versions", () => {
    expect(verify({ "webhook-signature": `v1a,c2ln ${sign()}` }).id).toBe(id);
    const asymmetric = sign().replace(/^v1,/, "v1a,");
    expect(codeOf(() => verify({ "webhook-signature": asymmetric }))).toBe("signature_invalid");
  });

  it.each(["webhook-id", "webhook-timestamp", "webhook-signature"])(
    "refuses a request without %s",
    (missing) => {
      const headers = { "webhook-signature": sign(), [missing]: "" };
      expect(codeOf(() => verify(headers))).toBe("signature_invalid");
    },
  );

  it("refuses another secret, a changed body, a changed id and a changed time", () => {
    const signature = { "webhook-signature": sign() };
    expect(codeOf(() => verify(signature, { secrets: [previous] }))).toBe("signature_invalid");
    expect(codeOf(() => verify(signature, { body: body + " " }))).toBe("signature_invalid");
    expect(codeOf(() => verify({ ...signature, "webhook-id": "msg_x" }))).toBe("signature_invalid");
    const later = String(Math.floor(now.getTime() / 1000) + 1);
    expect(codeOf(() => verify({ ...signature, "webhook-timestamp": later })))
      .toBe("signature_invalid");
  });

  it.each(["", "abc", "1772600767abc", "-5", "1e9", "NaN", "99999999999999999999"])(
    "refuses the timestamp %j",
    (timestamp) => {
      const headers = { "webhook-signature": sign(), "webhook-timestamp": timestamp };
      expect(codeOf(() => verify(headers))).toBe("signature_invalid");
    },
  );

  it.each(["x".repeat(256), "msg 1", "msg\u00e9"])("refuses the id %j", (other) => {
    const signature = signBody({ secret: current, id: other, signedAt: now, body });
    expect(codeOf(() => verify({ "webhook-id": other, "webhook-signature": signature })))
      .toBe("signature_invalid");
  });

  it("refuses everything when no secret is configured", () => {
    expect(codeOf(() => verify({ "webhook-signature": sign() }, { secrets: [] })))
      .toBe("signature_invalid");
  });

  it("allows five minutes in both directions and calls anything further expired", () => {
    const signature = { "webhook-signature": sign() };
    const at = (seconds: number) => new Date(Math.floor(now.getTime() / 1000 + seconds) * 1000);
    expect(verify(signature, { now: at(300) }).id).toBe(id);
    expect(verify(signature, { now: at(-300) }).id).toBe(id);
    expect(codeOf(() => verify(signature, { now: at(301) }))).toBe("signature_expired");
    expect(codeOf(() => verify(signature, { now: at(-301) }))).toBe("signature_expired");
  });

  it("tells nothing about the age of a request that it cannot authenticate", () => {
    const headers = { "webhook-signature": sign({ secret: previous }) };
    const muchLater = new Date(now.getTime() + 3_600_000);
    expect(codeOf(() => verify(headers, { now: muchLater }))).toBe("signature_invalid");
  });
});

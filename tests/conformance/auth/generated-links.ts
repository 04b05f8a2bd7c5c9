import { expect } from "vitest";
import { listMails } from "../../support/mail.ts";
import { uniqueEmail } from "../../support/users.ts";
import { adminCreate, createPerson, createSignedIn, logIn, PASSWORD } from "./people.ts";
import { type Answer, observed, type Row, send } from "./row.ts";

/** A type of link: whom it is for, what it is verified as, and how often before there is a session. */
interface LinkType {
  type: string;
  /** Fields besides type, for a fresh request of that type. */
  prepare(): Promise<Record<string, unknown>>;
  verifiedAs: string;
  /** What verifying it answers: a session, or the first half of two. */
  verified: "session" | "first half";
}

const existing = async () => ({ email: (await createPerson()).email });
const newcomer = (more: object = {}) => Promise.resolve({ email: uniqueEmail("linked"), ...more });
const changing = async () => ({
  email: (await createPerson()).email,
  new_email: uniqueEmail("moved"),
});

const types: LinkType[] = [
  {
    type: "signup",
    prepare: () => newcomer({ password: PASSWORD }),
    verifiedAs: "signup",
    verified: "session",
  },
  { type: "invite", prepare: newcomer, verifiedAs: "invite", verified: "session" },
  { type: "magiclink", prepare: existing, verifiedAs: "magiclink", verified: "session" },
  { type: "recovery", prepare: existing, verifiedAs: "recovery", verified: "session" },
  {
    type: "email_change_current",
    prepare: changing,
    verifiedAs: "email_change",
    verified: "first half",
  },
  {
    type: "email_change_new",
    prepare: changing,
    verifiedAs: "email_change",
    verified: "first half",
  },
];

async function generateLink(json: Record<string, unknown>): Promise<Answer> {
  return await send("/admin/generate_link", { key: "secret", json });
}

/** The token a link carries; for email_change_new it is not `hashed_token`. */
function tokenOf(link: Answer): string {
  return new URL(link.body.action_link).searchParams.get("token") ?? "";
}

function isVerified(answer: Answer): LinkType["verified"] | "neither" {
  if (answer.status !== 200) return "neither";
  if (answer.body.code === "200") return "first half";
  return typeof answer.body.access_token === "string" ? "session" : "neither";
}

/** Follows a link as a browser would; answers what its redirect tells the page. */
async function follow(link: string): Promise<URLSearchParams> {
  const { pathname, search } = new URL(link);
  const { headers } = await send(pathname.replace("/auth/v1", "") + search, { key: null });
  return new URLSearchParams(new URL(headers.get("location") ?? "about:blank").hash.slice(1));
}

const rowsOf = ({ type, prepare, verifiedAs, verified }: LinkType): Row[] => [
  {
    name: `a link of type ${type} comes with its user, a code, a hash and where it leads`,
    facts: "3.7",
    run: async () => {
      const asked = await prepare();
      const answer = await generateLink({ type, ...asked });
      const { searchParams } = new URL(answer.body.action_link);
      const carries = {
        type: searchParams.get("type"),
        hasTarget: searchParams.has("redirect_to"),
      };
      return {
        ...answer,
        body: { ...answer.body, carries, isFor: answer.body.email === asked.email },
      };
    },
    expected: {
      status: 200,
      body: {
        id: expect.any(String),
        isFor: true,
        carries: { type: verifiedAs, hasTarget: true },
        email_otp: expect.stringMatching(/^\d{6,}$/),
        hashed_token: expect.stringMatching(/^[0-9a-f]{56,64}$/),
        verification_type: type,
        redirect_to: expect.stringMatching(/^http/),
      },
    },
  },
  {
    name: `the token of a ${type} link is good for a ${verified}, and once`,
    facts: "3.7, 4.1",
    run: async () => {
      const link = await generateLink({ type, ...await prepare() });
      const json = { type: verifiedAs, token_hash: tokenOf(link) };
      const first = await send("/verify", { json });
      const again = await send("/verify", { json });
      return observed({ first: isVerified(first), again: again.code });
    },
    expected: { status: 200, body: { first: verified, again: "otp_expired" } },
  },
  {
    name: `following a ${type} link leads back with the outcome in the fragment`,
    facts: "4.1",
    run: async () => {
      const link = await generateLink({ type, ...await prepare() });
      const fragment = await follow(link.body.action_link);
      return observed({ session: fragment.has("access_token"), message: fragment.has("message") });
    },
    expected: {
      status: 200,
      body: { session: verified === "session", message: verified === "first half" },
    },
  },
  {
    name: `a link of type ${type} is made for administrators only`,
    facts: "1.3, 3.7",
    run: async () => {
      const { accessToken } = await createSignedIn();
      const asked = { type, ...await prepare() };
      return await send("/admin/generate_link", { token: accessToken, json: asked });
    },
    expected: { status: 403, code: "not_admin" },
  },
  {
    name: `a link of type ${type} needs an address that is one`,
    facts: "3.7",
    run: async () => await generateLink({ type, ...await prepare(), email: "nobody" }),
    expected: { status: 400, code: "validation_failed" },
  },
];

const unknownAddressRows = ["recovery", "email_change_current", "email_change_new"].map((
  type,
): Row => ({
  name: `a ${type} link for an unknown address`,
  facts: "3.7",
  run: () => generateLink({ type, email: uniqueEmail(), new_email: uniqueEmail() }),
  expected: { status: 404, code: "user_not_found" },
}));

const changeRows = ["email_change_current", "email_change_new"].flatMap((type): Row[] => [
  {
    name: `a ${type} link to an address somebody has`,
    facts: "3.7",
    run: async () => {
      const [{ email }, taken] = await Promise.all([createPerson(), createPerson()]);
      return await generateLink({ type, email, new_email: taken.email });
    },
    expected: { status: 422, code: "email_exists" },
  },
  {
    name: `a ${type} link without the new address`,
    facts: "3.7",
    run: async () => await generateLink({ type, email: (await createPerson()).email }),
    expected: { status: 400, code: "validation_failed" },
  },
]);

const otherRows: Row[] = [
  {
    name: "links are generated without a mail",
    facts: "3.7",
    needs: ["mail"],
    run: async () => {
      const sent = await Promise.all(types.map(async ({ type, prepare }) => {
        const asked = await prepare();
        await generateLink({ type, ...asked });
        const addresses = [asked["email"], asked["new_email"]].filter((to) => to !== undefined);
        return await Promise.all(addresses.map((to) => listMails(String(to))));
      }));
      return observed({ mails: sent.flat(2).length });
    },
    expected: { status: 200, body: { mails: 0 } },
  },
  {
    name: "the code of an address change goes with the new address",
    facts: "3.7, 4.1",
    run: async () => {
      const { email } = await createPerson();
      const new_email = uniqueEmail("moved");
      const { body } = await generateLink({ type: "email_change_new", email, new_email });
      const json = { type: "email_change", email: new_email, token: body.email_otp };
      return observed({ verified: isVerified(await send("/verify", { json })) });
    },
    expected: { status: 200, body: { verified: "first half" } },
  },
  {
    name: "the answered hash of email_change_new is not the link's and verifies nothing",
    facts: "3.7",
    run: async () => {
      const link = await generateLink({ type: "email_change_new", ...await changing() });
      const json = { type: "email_change", token_hash: link.body.hashed_token };
      return await send("/verify", { json });
    },
    expected: { status: 403, code: "otp_expired" },
  },
  {
    name: "a sign-up link without a password",
    facts: "3.7",
    run: () => generateLink({ type: "signup", email: uniqueEmail() }),
    expected: { status: 400, code: "validation_failed" },
  },
  {
    name: "a sign-up link with a weak password",
    facts: "3.7",
    run: () => generateLink({ type: "signup", email: uniqueEmail(), password: "short" }),
    expected: { status: 422, code: "weak_password" },
  },
  {
    name: "the password of a sign-up link signs in once the link was used",
    facts: "3.7",
    run: async () => {
      const email = uniqueEmail("linked");
      const link = await generateLink({ type: "signup", email, password: PASSWORD });
      const before = await logIn(email);
      await send("/verify", { json: { type: "signup", token_hash: link.body.hashed_token } });
      const after = await logIn(email);
      return observed({ before: before.code, after: after.status });
    },
    expected: { status: 200, body: { before: "email_not_confirmed", after: 200 } },
  },
  {
    name: "a second link of a type takes the first one's place",
    facts: "3.7",
    run: async () => {
      const asked = { type: "recovery", ...await existing() };
      const [first, second] = [await generateLink(asked), await generateLink(asked)];
      const verify = (link: Answer) =>
        send("/verify", { json: { type: "recovery", token_hash: link.body.hashed_token } });
      const [old, current] = [await verify(first), await verify(second)];
      return observed({ old: old.code, current: current.status });
    },
    expected: { status: 200, body: { old: "otp_expired", current: 200 } },
  },
  {
    name: "an invitation for an unconfirmed user is renewed",
    facts: "3.7",
    run: async () => {
      const { body: user } = await adminCreate({ email_confirm: false });
      return await generateLink({ type: "invite", email: user.email });
    },
    expected: {
      status: 200,
      body: { verification_type: "invite", invited_at: expect.any(String) },
    },
  },
  {
    name: "a token of one type is none of another",
    facts: "4.1",
    run: async () => {
      const { body } = await generateLink({ type: "recovery", ...await existing() });
      const json = { type: "signup", token_hash: body.hashed_token };
      return await send("/verify", { json });
    },
    expected: { status: 403, code: "otp_expired" },
  },
];

/** Every type of generated link: facts 3.7 and 4.1. */
export const generatedLinkRows: Row[] = [
  ...types.flatMap(rowsOf),
  ...unknownAddressRows,
  ...changeRows,
  ...otherRows,
];

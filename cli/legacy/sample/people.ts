import { argon2i, argon2id, bcrypt } from "hash-wasm";
import type { Metadata } from "../../../shared/auth/metadata.ts";
import type { Random } from "./random.ts";
import type { LegacyRow } from "./write.ts";

/** What is odd about a legacy user, with how many of a thousand are so. */
export const oddities = {
  linked: 380,
  linked_to_own_id: 5,
  linked_with_hash: 15,
  linked_other_email: 5,
  linked_other_keys: 5,
  linked_unconfirmed: 5,
  linked_over_budget: 5,
  missing_account: 10,
  email_case: 10,
  email_taken_confirmed: 8,
  email_taken_unconfirmed: 7,
  email_of_linked: 3,
  email_invalid: 4,
  id_taken: 3,
  unsupported_hash: 15,
  no_password: 10,
  over_budget: 5,
  unverified: 20,
  unicode: 40,
} as const;

/** A key of {@link oddities}, or nothing odd: an unlinked user with a hash that moves. */
export type Oddity = keyof typeof oddities | "plain";

/** An account of the project's Supabase Auth, as the Admin API creates it. */
export interface SampleAccount {
  id: string;
  email: string;
  emailConfirm: boolean;
  passwordHash: string;
  userMetadata: Metadata;
  appMetadata: Metadata;
}

/** A legacy user with the accounts that belong to the story. */
export interface SamplePerson {
  oddity: Oddity;
  userId: string;
  row: LegacyRow;
  accounts: SampleAccount[];
  /** With what the user signs in after the move, without anybody's decision. */
  login?: { email: string; password: string };
}

/** Says who is odd in which way, in an order of its own. */
export function dealOddities(random: Random, users: number): Oddity[] {
  const dealt = Object.entries(oddities).flatMap(([oddity, share]) =>
    Array<Oddity>(Math.max(1, Math.round(share * users / 1000))).fill(oddity as Oddity)
  );
  const plain = Math.max(0, users - dealt.length);
  return random.shuffle([...dealt, ...Array<Oddity>(plain).fill("plain")]);
}

/** What the people made so far leave to the later ones. */
interface Neighbours {
  /** E-mails of plain users, for twins that differ in case. */
  plain: string[];
  /** E-mails that accounts of linked users hold besides. */
  held: string[];
}

/** Makes the legacy users. Passwords are `<first part of the e-mail>-secret`. */
export async function makePeople(random: Random, users: number): Promise<SamplePerson[]> {
  const neighbours: Neighbours = { plain: [], held: [] };
  // Twins need somebody to be the twin of.
  const order = dealOddities(random, users).sort((a, b) => rank(a) - rank(b));
  const people: SamplePerson[] = [];
  for (const [index, oddity] of order.entries()) {
    people.push(await makePerson(random, { oddity, index, neighbours }));
  }
  const twins = new Set(people.flatMap((one) => one.oddity === "email_case" ? emailOf(one) : []));
  return random.shuffle(people.map((person) => withoutLogin(person, twins)));
}

/** Who of two keeps an address is decided later: neither has a password that surely works. */
function withoutLogin(person: SamplePerson, twins: ReadonlySet<string>): SamplePerson {
  const { login: _login, ...rest } = person;
  return twins.has(emailOf(person)) ? rest : person;
}

function emailOf({ row }: SamplePerson): string {
  return String(row.email).toLowerCase();
}

function rank(oddity: Oddity): number {
  return oddity === "email_case" || oddity === "email_of_linked" ? 1 : 0;
}

const firstNames = ["ann", "bob", "chloe", "dmitri", "eun", "fatima", "george", "hana"] as const;
const unicodeNames = [
  "Zoë Ångström 🎬",
  "김은지",
  "أحمد الفارسي",
  "Nguyễn Văn Đức",
  "Ж. Петро́ва",
  "👩‍👩‍👧‍👦 Family \u200fRTL",
  'Quote " and \\ backslash',
  "' or 1=1; --",
] as const;
const industries = ["Entertainment", "Education", "Sports", "Film & TV", "Ärzte"] as const;
const jobTitles = ["Editor", "Producer", "Archivist", "Researcher"] as const;

interface Making {
  oddity: Oddity;
  index: number;
  neighbours: Neighbours;
}

async function makePerson(random: Random, making: Making): Promise<SamplePerson> {
  const { oddity, index, neighbours } = making;
  const userId = random.uuid();
  const name = random.pick(firstNames);
  const email = chooseEmail(`${name}.${index}@example.test`, making);
  const password = `${name}.${index}-secret`;
  const row: LegacyRow = {
    user_id: userId,
    supabase_user_id: null,
    email,
    email_verified: oddity !== "unverified",
    password_hash: await makeHash(random, making, password),
    display_name: chooseName(random, making, name),
    avatar_url: random.chance(0.2) ? `https://images.example.test/${userId}.png` : null,
    tier: random.chance(0.7) ? "free" : random.chance(0.8) ? "pro" : "enterprise",
    ...chooseTimes(random),
    industry: isLong(oddity)
      ? "🏭".repeat(100)
      : random.chance(0.6)
      ? random.pick(industries)
      : null,
    job_title: isLong(oddity)
      ? "🎞".repeat(100)
      : random.chance(0.6)
      ? random.pick(jobTitles)
      : null,
    email_consent: random.chance(0.4),
    onboarding_completed: random.chance(0.8),
  };
  const accounts = await makeAccounts(random, making, { row, userId, email, password });
  if (oddity === "plain") neighbours.plain.push(email);
  const signsIn = isMovedAsItIs(oddity)
    ? { login: { email: accounts[0]?.email ?? email, password } }
    : {};
  return { oddity, userId, row, accounts, ...signsIn };
}

/** The password works after the move without any decision on its user. */
function isMovedAsItIs(oddity: Oddity): boolean {
  return oddity === "plain" || oddity === "unicode" ||
    (oddity.startsWith("linked") && oddity !== "linked_unconfirmed" &&
      oddity !== "linked_over_budget");
}

function chooseEmail(own: string, { oddity, index, neighbours }: Making): string {
  if (oddity === "email_case") {
    const twin = neighbours.plain.pop();
    return twin ? twin.replace(/^\w/, (letter) => letter.toUpperCase()) : own;
  }
  if (oddity === "email_of_linked") return neighbours.held.pop() ?? own;
  if (oddity === "email_invalid") {
    return [`no at sign ${index}`, `two@@at.${index}`, `müller.${index}@exämple.test`][index % 3] ??
      own;
  }
  return own;
}

function chooseName(random: Random, { oddity }: Making, name: string): string | null {
  if (isLong(oddity)) return "🎥".repeat(255);
  if (oddity === "unicode") return random.pick(unicodeNames);
  return random.chance(0.9) ? `${name.charAt(0).toUpperCase()}${name.slice(1)} Sample` : null;
}

function isLong(oddity: Oddity): boolean {
  return oddity === "over_budget" || oddity === "linked_over_budget";
}

const firstDay = Date.UTC(2024, 0, 1);
const dayMs = 86_400_000;

function chooseTimes(random: Random): LegacyRow {
  const created = firstDay + random.between(0, 500) * dayMs + random.between(0, dayMs);
  const later = () => new Date(created + random.between(0, 200 * dayMs)).toISOString();
  return {
    created_at: new Date(created).toISOString(),
    updated_at: later(),
    last_login_at: random.chance(0.85) ? later() : null,
  };
}

const unreadableHashes = [
  "5f4dcc3b5aa765d61d8327deb882cf99",
  "$pbkdf2-sha256$29000$c2FtcGxlc2FsdA$0ScqSkGTgQlbXqfQqJqxJNqPy3jX3Bn1YJp0PqZqxJM",
  "$argon2d$v=19$m=512,t=1,p=1$c2FtcGxlc2FsdA$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
  "$2b$10$cutShort",
  "!locked",
];

/** Few rounds and little memory: a sample is made in seconds, and protects nothing. */
function makeHash(
  random: Random,
  { oddity, index }: Making,
  password: string,
): Promise<string | null> | string | null {
  if (oddity === "no_password") return null;
  if (oddity === "unsupported_hash") return unreadableHashes[index % 5] ?? null;
  if (oddity.startsWith("linked") && oddity !== "linked_with_hash") return null;
  const salt = random.bytes(16);
  if (index % 3 === 0) return hashPassword(password, salt);
  const options = {
    password,
    salt,
    iterations: 1,
    memorySize: 512,
    parallelism: 1,
    hashLength: 32,
    outputType: "encoded",
  } as const;
  return index % 3 === 1 ? argon2i(options) : argon2id(options);
}

/** bcrypt as the legacy system's library wrote it. */
async function hashPassword(password: string, salt: Uint8Array): Promise<string> {
  const hash = await bcrypt({ password, salt, costFactor: 4, outputType: "encoded" });
  return hash.replace(/^\$2a/, "$2b");
}

async function makeAccounts(
  random: Random,
  { oddity, index, neighbours }: Making,
  { row, userId, email, password }: {
    row: LegacyRow;
    userId: string;
    email: string;
    password: string;
  },
): Promise<SampleAccount[]> {
  const account: SampleAccount = {
    id: random.uuid(),
    email,
    emailConfirm: true,
    passwordHash: await hashPassword(password, random.bytes(16)),
    userMetadata: {},
    appMetadata: {},
  };
  const link = (changes: Partial<SampleAccount>) => {
    const linked = { ...account, ...changes };
    row.supabase_user_id = linked.id;
    return [linked];
  };
  switch (oddity) {
    case "linked":
    case "linked_with_hash":
    case "linked_over_budget":
      return link({ userMetadata: random.chance(0.5) ? { display_name: "From before" } : {} });
    case "linked_to_own_id":
      return link({ id: userId });
    case "linked_unconfirmed":
      return link({ emailConfirm: false });
    case "linked_other_keys":
      return link({
        userMetadata: { pref_theme: "dark", full_name: "Kept as it is" },
        appMetadata: { permissions: ["beta"] },
      });
    case "linked_other_email": {
      const held = `moved.${index}@example.test`;
      neighbours.held.push(held);
      return link({ email: held });
    }
    case "missing_account":
      row.supabase_user_id = account.id;
      return [];
    case "email_taken_confirmed":
      return [account];
    case "email_taken_unconfirmed":
      return [{ ...account, emailConfirm: false }];
    case "id_taken":
      return [{ ...account, id: userId, email: `somebody.${index}@example.test` }];
    default:
      return [];
  }
}

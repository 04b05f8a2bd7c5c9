import * as fc from "fast-check";

/** What stands in `password_hash`, and with it whether the old password goes on. */
export type PasswordKind = "argon2id" | "argon2i" | "bcrypt" | "unsupported" | "none";

/** How a legacy user stands to Supabase Auth before the move. */
export type Standing =
  /** An account of its own: the legacy row names it. */
  | "linked"
  /** The legacy row names an account that is gone. */
  | "missing"
  /** Never had one. */
  | "unlinked"
  /** A stranger's confirmed account has the address. */
  | "email held"
  /** A stranger's account has the address and never confirmed it. */
  | "email claimed"
  /** A stranger's account has the id. */
  | "id held"
  /** The address is another legacy user's in capitals. */
  | "email in capitals"
  /** No address that Supabase Auth would take. */
  | "email invalid";

/** A video of a legacy user. */
export interface LegacyVideo {
  videoId: string;
  state: "uploading" | "validating" | "processing" | "indexed" | "failed" | "deleted";
  title: string | null;
  tags: string[] | null;
  scenes: { sceneId: string; transcript: string | null; hasThumbnail: boolean }[];
  /** Whether Storage holds what the row names. */
  hasObject: boolean;
  /** Whether the key names the owner, as the legacy system did at the end. */
  hasOldKey: boolean;
}

/** A person whom a legacy user has named. */
export interface LegacyPerson {
  personId: string;
  name: string;
  photos: number;
}

/** A user of the former system and everything that is the user's. */
export interface LegacyUserModel {
  userId: string;
  standing: Standing;
  password: PasswordKind;
  isConfirmed: boolean;
  tier: "free" | "pro" | "enterprise";
  displayName: string | null;
  industry: string | null;
  jobTitle: string | null;
  avatarUrl: string | null;
  emailConsent: boolean;
  onboardingCompleted: boolean;
  hasLoggedIn: boolean;
  videos: LegacyVideo[];
  people: LegacyPerson[];
  auditEvents: number;
  /** Counters of one window that the legacy system wrote more than once. */
  repeatedLimits: number;
  tokens: number;
}

/** A whole legacy database, with rows whose owner nobody knows. */
export interface LegacyModel {
  users: LegacyUserModel[];
  /** Rows of users who are gone, or of nobody. */
  orphans: Orphan[];
}

/** Rows whose owner no user is. */
export interface Orphan {
  ownerId: string | null;
  events: number;
  limits: number;
  /** Only a database that was repaired by hand has these: a foreign key stands against them. */
  videoId: string | null;
  personId: string | null;
}

const standings: Standing[] = [
  "linked",
  "missing",
  "unlinked",
  "email held",
  "email claimed",
  "id held",
  "email in capitals",
  "email invalid",
];

const passwords: PasswordKind[] = ["argon2id", "argon2i", "bcrypt", "unsupported", "none"];

/** Without the bias to small values, which would give two rows of one database the same id. */
const id = fc.noBias(fc.uuid());

/** Texts of any script up to a length in characters, as PostgreSQL counts them. */
function text(maxLength: number): fc.Arbitrary<string> {
  const words = fc.string({ unit: "grapheme", minLength: 1, maxLength: Math.min(maxLength, 20) });
  // Four bytes a character: the longest that the column takes is far beyond the budget of a token.
  const oversized = fc.constantFrom("𝓗", "👩‍🔧").map((unit) => unit.repeat(maxLength));
  return fc.oneof({ weight: 6, arbitrary: words }, { weight: 1, arbitrary: oversized })
    .map((value) => [...value].slice(0, maxLength).join(""));
}

const maybe = (maxLength: number) => fc.option(text(maxLength), { freq: 3 });

const scene = fc.record({
  sceneId: id,
  transcript: maybe(200),
  hasThumbnail: fc.boolean(),
});

const video: fc.Arbitrary<LegacyVideo> = fc.record({
  videoId: id,
  state: fc.constantFrom(
    "uploading",
    "validating",
    "processing",
    "indexed",
    "indexed",
    "failed",
    "deleted",
  ),
  title: maybe(60),
  tags: fc.option(fc.array(text(12), { maxLength: 3 })),
  scenes: fc.array(scene, { maxLength: 3 }),
  hasObject: fc.boolean(),
  hasOldKey: fc.boolean(),
});

/** Few names, so that one user has two people of one, and the name a second one would get. */
const personName = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("Mia", "Mia (2)", "김민준", "長".repeat(255)) },
  { weight: 1, arbitrary: text(255) },
);

const person: fc.Arbitrary<LegacyPerson> = fc.record({
  personId: id,
  name: personName,
  photos: fc.nat({ max: 2 }),
});

/** A user of any standing. */
export const legacyUser: fc.Arbitrary<LegacyUserModel> = fc.record({
  userId: id,
  standing: fc.constantFrom(...standings),
  password: fc.constantFrom(...passwords),
  isConfirmed: fc.boolean(),
  tier: fc.constantFrom("free", "pro", "enterprise"),
  displayName: maybe(255),
  industry: maybe(100),
  jobTitle: maybe(100),
  avatarUrl: fc.option(fc.constant("https://cdn.example.test/a.png")),
  emailConsent: fc.boolean(),
  onboardingCompleted: fc.boolean(),
  hasLoggedIn: fc.boolean(),
  videos: fc.array(video, { maxLength: 3 }),
  people: fc.array(person, { maxLength: 4 }),
  auditEvents: fc.nat({ max: 3 }),
  repeatedLimits: fc.nat({ max: 3 }),
  tokens: fc.nat({ max: 2 }),
});

const orphan: fc.Arbitrary<Orphan> = fc.record({
  ownerId: fc.option(id),
  events: fc.nat({ max: 2 }),
  limits: fc.nat({ max: 2 }),
  videoId: fc.option(id),
  personId: fc.option(id),
}).map((one) => one.ownerId === null ? { ...one, videoId: null, personId: null } : one);

/**
 * Legacy databases of one user of each standing and some more, so that even the smallest run meets
 * everything that can stand between a user and an account.
 */
export const legacyModel: fc.Arbitrary<LegacyModel> = fc.record({
  first: fc.tuple(...standings.map((standing) => legacyUser.map((one) => ({ ...one, standing })))),
  more: fc.array(legacyUser, { maxLength: 4 }),
  orphans: fc.array(orphan, { minLength: 1, maxLength: 3 }),
}).map(({ first, more, orphans }) => ({ users: [...first, ...more], orphans }));

import type { ErasureContext } from "./context.ts";
import type { ErasureKind } from "./erasure.ts";
import { createPseudonymizer, type Receipt } from "./receipts/mod.ts";

/** Somebody who was erased and is back. `id` is the user's or the person's. */
export interface Returned {
  readonly kind: ErasureKind;
  readonly id: string;
  /** The user; of a person, who had named it. */
  readonly userId: string;
}

/** Somebody with an erased id who came after the last erasure under it: no restore does that. */
export interface Recreated extends Returned {
  readonly createdAt: Date;
  /** When that erasure had done its work. */
  readonly erasedAt: Date;
}

/** Everybody in the database whose id was erased. */
export interface Recognised {
  /** Users first. A person whose user is back too goes with the user. */
  readonly returned: readonly Returned[];
  readonly recreated: readonly Recreated[];
}

const pageSize = 1000;

/** What receipts say together: who was erased, and when last. */
export class ErasedSubjects {
  readonly #times: Record<ErasureKind, Map<string, Date>> = { user: new Map(), person: new Map() };
  readonly #hashes = new Set<string>();
  readonly #subjectKey: string;
  #foreign = 0;

  /** `subjectKey` is what `nameSubjectKey` gives for the present key. */
  constructor(subjectKey: string) {
    this.#subjectKey = subjectKey;
  }

  /** Receipts whose subject was named with another key. */
  get foreign(): number {
    return this.#foreign;
  }

  /** Subjects of users or persons with the time at which their last erasure had done its work. */
  of(kind: ErasureKind): ReadonlyMap<string, Date> {
    return this.#times[kind];
  }

  /** Takes a verified receipt; false for one that was taken before. */
  add({ hash, kind, subject, subject_key, finished_at }: Receipt): boolean {
    if (this.#hashes.has(hash)) return false;
    this.#hashes.add(hash);
    if (subject_key !== this.#subjectKey) this.#foreign += 1;
    const time = new Date(finished_at);
    const known = this.#times[kind].get(subject);
    if (!known || known < time) this.#times[kind].set(subject, time);
    return true;
  }
}

/**
 * Looks for erased users and persons in the database. Reads all of both in pages, changes nothing.
 * Throws: AppError database_unavailable.
 */
export async function findReturned(
  ctx: Pick<ErasureContext, "database" | "pseudonymKey">,
  erased: ErasedSubjects,
): Promise<Recognised> {
  const users = partition(await findAmong(ctx, "user", erased));
  const persons = partition(await findAmong(ctx, "person", erased));
  const back = new Set(users.returned.map((one) => one.userId));
  const isAlone = ({ userId }: Returned) => !back.has(userId);
  return {
    returned: [...users.returned, ...persons.returned.filter(isAlone)],
    recreated: [...users.recreated, ...persons.recreated.filter(isAlone)],
  };
}

function partition(found: readonly Recreated[]): Recognised {
  return {
    returned: found.filter((one) => one.createdAt <= one.erasedAt)
      .map(({ kind, id, userId }) => ({ kind, id, userId })),
    recreated: found.filter((one) => one.createdAt > one.erasedAt),
  };
}

async function findAmong(
  ctx: Pick<ErasureContext, "database" | "pseudonymKey">,
  kind: ErasureKind,
  erased: ErasedSubjects,
): Promise<Recreated[]> {
  const times = erased.of(kind);
  if (times.size === 0) return [];
  const pseudonymize = await createPseudonymizer(ctx.pseudonymKey, kind);
  const found: Recreated[] = [];
  let after: string | undefined = "00000000-0000-0000-0000-000000000000";
  while (after !== undefined) {
    const page = await readCandidates(ctx.database, kind, after);
    for (const one of page) {
      const erasedAt = times.get(await pseudonymize(one.id));
      if (erasedAt) found.push({ kind, ...one, erasedAt });
    }
    after = page.length < pageSize ? undefined : page.at(-1)?.id;
  }
  return found;
}

type Candidate = Pick<Recreated, "id" | "userId" | "createdAt">;

/** One page of all users or persons, in the order of their ids. */
async function readCandidates(
  database: ErasureContext["database"],
  kind: ErasureKind,
  after: string,
): Promise<Candidate[]> {
  // An account without a time could be any age: what the receipt says of its id counts then.
  return await database.asService((sql) =>
    kind === "user"
      ? sql<Candidate[]>`
        select id, id as "userId", coalesce(created_at, 'epoch') as "createdAt"
        from auth.users where id > ${after} order by id limit ${pageSize}`
      : sql<Candidate[]>`
        select person_id as id, user_id as "userId", created_at as "createdAt"
        from public.face_profiles
        where person_id > ${after} order by person_id limit ${pageSize}`
  );
}

import postgres from "postgres";

/** What a run has to know of the stack it is aimed at. */
export interface FuzzTarget {
  url: string;
  publishableKey: string;
  secretKey: string;
  /** PostgreSQL URL of the role `postgres`. */
  databaseUrl: string;
  /** The settings of the functions. */
  environment: Record<string, string>;
  /** True on a stack of one's own: plants jobs, which would disturb others who claim some. */
  hasJobs?: boolean;
}

/** Kinds of things that stand-ins name. */
export type Pool = Map<string, string[]>;

/** A user whose rows hold texts that nobody else may ever be shown. */
export interface FuzzUser {
  index: number;
  id: string;
  email: string;
  password: string;
  accessToken: string;
  /** Stands in texts of this user's rows, and is never sent. */
  secret: string;
  /** Stands beside the secret, and is searched for. */
  word: string;
  things: Pool;
}

export interface Organization {
  id: string;
  secret: string;
  word: string;
}

const PASSWORD_LENGTH = 16;
const KEPT = 24;

/** Videos of each user that wait for workers. */
const WAITING = 6;

/** The users of a run and what they own. */
export class World {
  readonly users: FuzzUser[] = [];
  /** Acts never: at the end everything of it has to be as it was. */
  canary!: FuzzUser;
  /** Signed out everywhere, and deleted; their tokens have not expired. Nothing may come of them. */
  dead!: FuzzUser;
  erased!: FuzzUser;
  /** Jobs a worker holds. */
  readonly claims: { job: string; lease: string; video: string }[] = [];
  /** Who may see an id: the users to whom an answer showed it. */
  readonly owners = new Map<string, number>();
  /** The number of every user there ever was, by id. */
  readonly indexes = new Map<string, number>();
  readonly sql: postgres.Sql;
  readonly shared: Organization = newOrganization();
  readonly closed: Organization = newOrganization();
  /** Secrets of users who were replaced; nobody may see them again but for their own answers. */
  readonly retired = new Map<string, number>();
  #reviving = new Map<number, Promise<void>>();

  constructor(readonly target: FuzzTarget) {
    this.sql = postgres(target.databaseUrl, { max: 2, onnotice: () => {} });
  }

  async open(users: number): Promise<void> {
    for (const { id, secret, word } of [this.shared, this.closed]) {
      await this.sql`insert into public.organizations (organization_id, name)
        values (${id}, ${`${word} ${secret}`})`;
    }
    for (let index = 0; index < users; index++) this.users.push(await this.#createSender(index));
    this.canary = await this.#create(users, this.closed);
    this.dead = await this.#create(users + 1);
    await this.#auth("/logout?scope=global", { token: this.dead.accessToken });
    this.erased = await this.#create(users + 2);
    await this.#auth(`/admin/users/${this.erased.id}`, { method: "DELETE" });
  }

  async close(): Promise<void> {
    await this.sql.end({ timeout: 2 });
  }

  user(index: number): FuzzUser {
    const user = this.users[index % this.users.length];
    if (!user) throw new Error("The world has no users: open it first");
    return user;
  }

  /** Everybody who ever was, by the number that answers are checked against. */
  everybody(): FuzzUser[] {
    return [...this.users, this.canary, this.dead, this.erased];
  }

  /** Whether two users are members of the organisation they share. */
  isShared(index: number): boolean {
    return index < 2;
  }

  keep(user: FuzzUser, kind: string, value: string): void {
    const pool = user.things.get(kind) ?? [];
    if (!pool.includes(value)) pool.push(value);
    if (pool.length > KEPT) pool.shift();
    user.things.set(kind, pool);
  }

  /** Whatever the path names is gone. */
  forget(user: FuzzUser, path: string): void {
    for (const [kind, pool] of user.things) {
      user.things.set(kind, pool.filter((value) => !path.includes(value)));
    }
  }

  /** Signs a user in again whose session a request ended, or makes a new one in its place. */
  async revive(user: FuzzUser): Promise<void> {
    const token = user.accessToken;
    await this.#once(user, async () => {
      if (user.accessToken !== token) return;
      await this.#signIn(user).catch(() => this.#replace(user));
    });
  }

  /** Puts a new user in the place of one who used a quota up. */
  async replace(user: FuzzUser): Promise<void> {
    await this.#once(user, () => this.#replace(user));
  }

  /** What several lanes want for the same user is done once. */
  async #once(user: FuzzUser, work: () => Promise<void>): Promise<void> {
    if (this.users[user.index] !== user) return;
    const running = this.#reviving.get(user.index) ?? work();
    this.#reviving.set(user.index, running);
    try {
      await running;
    } finally {
      this.#reviving.delete(user.index);
    }
  }

  async #replace(user: FuzzUser): Promise<void> {
    this.retired.set(user.secret, user.index);
    this.users[user.index] = await this.#createSender(user.index);
  }

  async #createSender(index: number): Promise<FuzzUser> {
    const user = await this.#create(index);
    if (this.target.hasJobs) await this.#plantJobs(user);
    return user;
  }

  async #create(
    index: number,
    organization = this.isShared(index) ? this.shared : undefined,
  ): Promise<FuzzUser> {
    const mark = randomName();
    const user: FuzzUser = {
      index,
      id: "",
      email: `fuzz-${mark}@example.test`,
      password: `pw-${randomName()}`.padEnd(PASSWORD_LENGTH, "x"),
      accessToken: "",
      secret: `zqs${mark}`,
      word: `zqw${randomName()}`,
      things: new Map(),
    };
    const created = await this.#auth("/admin/users", {
      body: {
        email: user.email,
        password: user.password,
        email_confirm: true,
        user_metadata: {
          display_name: user.secret,
          job_title: user.secret,
          pref_note: user.secret,
        },
        app_metadata: { tier: "enterprise" },
      },
    });
    user.id = String(created["id"]);
    this.indexes.set(user.id, index);
    await this.#seed(user, organization);
    await this.#signIn(user);
    return user;
  }

  async #signIn(user: FuzzUser): Promise<void> {
    const { email, password } = user;
    const session = await this.#auth("/token?grant_type=password", { body: { email, password } });
    user.accessToken = String(session["access_token"]);
    this.keep(user, "refresh", String(session["refresh_token"]));
  }

  /** A code as a mail would carry it; the one before no longer counts. */
  async refreshMail(user: FuzzUser): Promise<void> {
    const link = await this.#auth("/admin/generate_link", {
      body: { type: "magiclink", email: user.email },
    });
    user.things.set("mail", [String(link["hashed_token"])]);
  }

  async #auth(
    path: string,
    { method = "POST", body, token }: { method?: string; body?: unknown; token?: string },
  ): Promise<Record<string, unknown>> {
    const { url, secretKey, publishableKey } = this.target;
    const isAdmin = path.startsWith("/admin/");
    const response = await fetch(`${url}/auth/v1${path}`, {
      method,
      headers: {
        apikey: isAdmin ? secretKey : publishableKey,
        ...(isAdmin ? { authorization: `Bearer ${secretKey}` } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        "content-type": "application/json",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === "" ? {} : JSON.parse(text);
  }

  /** Videos that wait for workers, each with its file. */
  async #plantJobs(user: FuzzUser): Promise<void> {
    const { url, secretKey } = this.target;
    for (let i = 0; i < WAITING; i++) {
      const video = crypto.randomUUID();
      const key = `videos/${user.id}/${video}.mp4`;
      const stored = await fetch(`${url}/storage/v1/object/uploads/${key}`, {
        method: "POST",
        headers: { apikey: secretKey, "content-type": "video/mp4" },
        body: "abc",
      });
      if (!stored.ok) throw new Error(`Cannot store ${key}: ${await stored.text()}`);
      await stored.body?.cancel();
      await this.sql`insert into public.videos
        (video_id, user_id, storage_key, mime_type, size_bytes, state, filename)
        values (${video}, ${user.id}, ${key}, 'video/mp4', 3, 'processing', ${user.secret})`;
      await this.sql`insert into public.jobs (video_id, stage) values (${video}, 'scene_detect')`;
      this.keep(user, "video", video);
      this.owners.set(video, user.index);
    }
  }

  /** Rows in every table a user's requests can reach, each with the user's secret in it. */
  async #seed(user: FuzzUser, organization: Organization | undefined): Promise<void> {
    // Without consent no worker may write a vector of the canary's people.
    const kinds = organization === this.closed ? ["email"] : ["email", "face"];
    await this.sql.begin(async (sql) => {
      await seedVideo(sql, this, user);
      await sql`insert into public.consents (user_id, kind, text_version, granted_at)
        select ${user.id}, kind, '2026-01', now() from unnest(${kinds}::text[]) as kind`;
      if (!organization) return;
      const role = user.index === 1 ? "member" : "admin";
      await sql`insert into public.organization_members (organization_id, user_id, role)
        values (${organization.id}, ${user.id}, ${role})`;
      this.keep(user, "organization", organization.id);
      await seedVideo(sql, this, user, organization);
    });
  }
}

async function seedVideo(
  sql: postgres.TransactionSql,
  world: World,
  user: FuzzUser,
  organization?: Organization,
): Promise<void> {
  const { secret, word } = organization ?? user;
  const [video, scene, person] = Array.from({ length: 3 }, () => crypto.randomUUID());
  if (!video || !scene || !person) return;
  const text = `harbour ${word} ${secret}`;
  const photo = `faces/${user.id}/${person}/photo_20260102030405678-0123abcd.png`;
  await sql`insert into public.videos
    (video_id, user_id, organization_id, storage_key, mime_type, size_bytes, state, filename, language)
    values (${video}, ${user.id}, ${organization?.id ?? null}, ${`videos/${user.id}/${video}.mp4`},
      'video/mp4', 3, 'indexed', ${`${secret}.mp4`}, 'en')`;
  await sql`insert into public.video_metadata (video_id, title, description, tags)
    values (${video}, ${text}, ${text}, ${sql.json([secret])})
    on conflict (video_id) do update set title = excluded.title, tags = excluded.tags`;
  await sql`insert into public.scenes
    (scene_id, video_id, start_s, end_s, transcript, thumbnail_key)
    values (${scene}, ${video}, 0, 2, ${text}, ${`${user.id}/${video}/${scene}.jpg`})`;
  await sql`insert into public.jobs (video_id, stage, state) values (${video}, 'commit', 'completed')`;
  for (const [kind, value] of [["video", video], ["scene", scene]] as const) {
    world.keep(user, kind, value);
    if (!organization) world.owners.set(value, user.index);
  }
  if (organization) return;
  await sql`insert into public.face_profiles (person_id, user_id, name, photo_keys)
    values (${person}, ${user.id}, ${text}, array[${photo}])`;
  await sql`insert into public.scene_people (scene_id, person_id, confidence, frame_count)
    values (${scene}, ${person}, 0.9, 3)`;
  world.keep(user, "person", person);
  world.keep(user, "photo", photo);
  world.owners.set(person, user.index);
}

function newOrganization(): Organization {
  return { id: crypto.randomUUID(), secret: `zqs${randomName()}`, word: `zqw${randomName()}` };
}

function randomName(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 12);
}

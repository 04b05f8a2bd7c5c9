import { errorStatus } from "../../shared/errors/codes.ts";
import type { ApiDocument, Guard, Operation } from "./document.ts";
import type { FuzzRequest, Role } from "./requests.ts";
import { type BodyCheck, createBodyChecks } from "./response-schemas.ts";
import { type Answer, type SentRequest, viewerOf } from "./send.ts";
import type { FuzzUser, World } from "./world.ts";

/** What is wrong with an answer. */
export interface Fault {
  /** Name of the rule. */
  rule: string;
  detail: string;
}

/** Answers every fault of an answer; none is what a run wants. */
export type Judge = (
  request: FuzzRequest,
  sent: SentRequest,
  answer: Answer,
) => Promise<Fault[]>;

const letIn: Record<Guard, readonly Role[]> = {
  public: [],
  bearer: ["user"],
  statusToken: ["ticket"],
  worker: ["worker"],
  cron: ["cron"],
  webhook: ["webhook"],
};

/** What only an engine, a driver or a source file says. */
const internals = [
  /\n?\s+at \S+ \(?(file|node|ext|https?):/,
  /\bat async\b/,
  /node_modules/,
  /\.ts:\d+/,
  /PostgresError|PostgREST|SQLSTATE|ZodError|TypeError|RangeError|SyntaxError|ReferenceError/,
  /\b(relation|column|function|operator|constraint) \\?"[^"]*" (does not exist|violates|of relation)/,
  /duplicate key value|violates (check|unique|foreign|not-null)/,
  /invalid input syntax|invalid byte sequence|out of range for type/,
  /ECONNREFUSED|ECONNRESET|password authentication/,
];

/** Builds the judge of a run. */
export function createJudge(document: ApiDocument, world: World): Judge {
  const checks = createBodyChecks(document);
  const secrets = listSecrets(world);
  return async (request, sent, answer) => {
    const operation = findOperation(document, sent);
    const isRead = sent.method === "HEAD" || sent.method === "OPTIONS";
    return [
      ...judgeStatus(answer),
      ...judgeAccess(request, sent, operation, answer),
      ...(isRead ? judgeEmpty(sent, answer) : judgeBody(checks, operation, sent, answer)),
      ...judgeHeaders(sent, answer),
      ...judgeWords(sent, answer, secrets),
      ...await (isJobs(request, operation)
        ? judgeJob(sent, answer, world)
        : judgeOwners(request, sent, answer, world)),
    ];
  };
}

/** The route that a request reaches: fixed parts go before parameters. */
export function findOperation(
  { operations }: ApiDocument,
  { method, url }: Pick<SentRequest, "method" | "url">,
): Operation | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  const given = url.pathname.replace(/(.)\/$/, "$1").split("/");
  const fitting = operations.filter((one) => {
    const parts = one.path.split("/");
    return one.method === wanted && parts.length === given.length &&
      parts.every((part, i) => part.startsWith("{") ? given[i] !== "" : part === given[i]);
  });
  return fitting.find((one) => !one.path.includes("{")) ?? fitting[0];
}

function judgeStatus({ status, text }: Answer): Fault[] {
  if (status < 500) return [];
  return [{ rule: "server error", detail: `${status} ${text.slice(0, 300)}` }];
}

/** Nobody gets past a guard that is not theirs. */
function judgeAccess(
  { sender: { role } }: FuzzRequest,
  sent: SentRequest,
  operation: Operation | undefined,
  { status }: Answer,
): Fault[] {
  if (status >= 300 || sent.method === "OPTIONS") return [];
  if (!operation) return [{ rule: "unknown route", detail: `${status} without a route` }];
  const isOwnToken = role === "dead" || role === "erased";
  // GET /me answers from the token alone.
  if (isOwnToken && operation.path === "/functions/v1/me" && operation.method === "GET") return [];
  const isAllowed = operation.guards.some((guard) =>
    guard === "public" || letIn[guard].includes(role)
  );
  return isAllowed ? [] : [{ rule: "let in", detail: `${role} was answered ${status}` }];
}

function judgeEmpty({ method }: SentRequest, { status, text }: Answer): Fault[] {
  if (method === "OPTIONS" && status === 204 && text === "") return [];
  if (method === "HEAD" && text === "") return [];
  if (method === "OPTIONS" && status >= 400) return [];
  return [{ rule: "unexpected body", detail: `${method} ${status} ${text.slice(0, 100)}` }];
}

type Checks = ReturnType<typeof createBodyChecks>;

function judgeBody(
  checks: Checks,
  operation: Operation | undefined,
  sent: SentRequest,
  answer: Answer,
): Fault[] {
  const { status, text, headers } = answer;
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim() ?? "";
  if (status >= 400) return judgeProblem(checks.ofProblem, type, answer);
  const documented = operation?.responses[status];
  if (!operation || !documented) {
    return [{ rule: "undocumented status", detail: `${sent.method} answered ${status}` }];
  }
  if (!documented.content) {
    return text === "" ? [] : [{ rule: "unexpected body", detail: text.slice(0, 200) }];
  }
  const check = checks.ofAnswer(operation, status, type);
  if (!check) return [{ rule: "content type", detail: `${status} as "${type}"` }];
  const missing = Object.entries(documented.headers ?? {})
    .filter(([name, { required }]) => required && !headers.has(name))
    .map(([name]) => ({ rule: "missing header", detail: name }));
  return [...missing, ...applyCheck(check, text)];
}

function judgeProblem(check: BodyCheck, type: string, answer: Answer): Fault[] {
  if (type !== "application/problem+json") {
    return [{ rule: "content type", detail: `${answer.status} as "${type}": ${answer.text}` }];
  }
  const faults = applyCheck(check, answer.text);
  if (faults.length > 0) return faults;
  const problem: { status: number; code: string; request_id: string } = JSON.parse(answer.text);
  const known = new Map<string, number>(Object.entries(errorStatus)).get(problem.code);
  if (known !== answer.status || problem.status !== answer.status) {
    return [{ rule: "status of the code", detail: `${answer.status} ${answer.text}` }];
  }
  if (problem.request_id !== answer.headers.get("x-request-id")) {
    return [{ rule: "request id", detail: answer.text }];
  }
  return [];
}

function applyCheck(check: BodyCheck, text: string): Fault[] {
  try {
    const detail = check(JSON.parse(text));
    return detail === undefined ? [] : [{ rule: "outside the schema", detail }];
  } catch {
    return [{ rule: "outside the schema", detail: `no JSON: ${text.slice(0, 200)}` }];
  }
}

function judgeHeaders({ headers: sent }: SentRequest, { status, headers }: Answer): Fault[] {
  const missing = [
    "x-request-id",
    ...(sent["origin"] === undefined ? ["x-content-type-options"] : []),
    ...(status === 401 ? ["www-authenticate"] : []),
    ...(status === 405 ? ["allow"] : []),
    ...(status === 429 || status === 503 ? ["retry-after"] : []),
  ].filter((name) => !headers.has(name));
  const faults = missing.map((name) => ({ rule: "missing header", detail: `${status}: ${name}` }));
  const isOpen = headers.get("access-control-allow-credentials") !== null;
  return isOpen ? [...faults, { rule: "credentials", detail: "CORS lets cookies in" }] : faults;
}

function listSecrets({ target }: World): string[] {
  const { environment, secretKey, databaseUrl } = target;
  const names = Object.keys(environment).filter((name) => /KEY|SECRET|DB_URL|DATABASE/.test(name))
    .filter((name) => !/PUBLISHABLE/.test(name));
  return [secretKey, databaseUrl, ...names.map((name) => environment[name] ?? "")]
    .filter((value) => value.length >= 12);
}

/** Nothing of the engine, and no secret of the deployment. */
function judgeWords({ told }: SentRequest, { text }: Answer, secrets: string[]): Fault[] {
  const leaked = secrets.some((secret) => text.includes(secret) && !told.includes(secret));
  const found = internals.map((pattern) => pattern.exec(text)?.[0])
    .filter((match) => match !== undefined && !told.includes(match));
  return [
    ...(leaked ? [{ rule: "secret of the deployment", detail: "in the body" }] : []),
    ...found.map((match) => ({
      rule: "internal text",
      detail: `"${match}" in ${text.slice(0, 200)}`,
    })),
  ];
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** A worker at a route of workers; elsewhere it is judged like anybody who knows a user's secrets. */
function isJobs({ sender }: FuzzRequest, operation: Operation | undefined): boolean {
  return sender.role === "worker" && (operation?.guards.includes("worker") ?? false);
}

/** What an answer holds beside what its request told. */
function findShown({ told }: SentRequest, { text, headers }: Answer) {
  const all = `${text}\n${[...headers.values()].join("\n")}`;
  const known = told.toLowerCase();
  return {
    marks: (some: readonly string[]) =>
      some.filter((mark) => all.includes(mark) && !known.includes(mark.toLowerCase())),
    ids: [...new Set(all.match(UUID) ?? [])].filter((id) => !known.includes(id)),
  };
}

/** No text, address or id of somebody else that the sender did not know already. */
async function judgeOwners(
  { sender }: FuzzRequest,
  sent: SentRequest,
  answer: Answer,
  world: World,
): Promise<Fault[]> {
  const viewer = viewerOf(sender, world);
  const { marks, ids } = findShown(sent, answer);
  const faults = marks(foreignTexts(world, viewer)).map((mark) => foreign(`"${mark}"`, answer));
  for (const id of ids) {
    const owner = world.owners.get(id);
    if (owner === undefined || owner === viewer.index) continue;
    if (await isShared(world, viewer, id)) continue;
    faults.push(foreign(`${id} of user ${owner}`, answer));
  }
  return faults;
}

/** A worker is shown the job it holds: ids of one user, whoever that is, and no text of anybody. */
function judgeJob(sent: SentRequest, answer: Answer, world: World): Fault[] {
  const { marks, ids } = findShown(sent, answer);
  const owners = new Set(
    ids.map((id) => world.owners.get(id) ?? world.indexes.get(id))
      .filter((owner) => owner !== undefined),
  );
  return [
    ...marks(everyText(world)).map((mark) => foreign(`"${mark}"`, answer)),
    ...owners.size > 1 ? [foreign(`ids of users ${[...owners].join(" and ")}`, answer)] : [],
  ];
}

function foreign(what: string, { text }: Answer): Fault {
  return { rule: "foreign data", detail: `${what} in ${text.slice(0, 300)}` };
}

function everyText(world: World): string[] {
  return [
    ...world.everybody().flatMap(({ secret, email }) => [secret, email]),
    ...world.retired.keys(),
    world.shared.secret,
    world.closed.secret,
  ];
}

function foreignTexts(world: World, viewer: FuzzUser): string[] {
  const isMember = world.users.includes(viewer) && world.isShared(viewer.index);
  const others = world.everybody().filter((one) => one !== viewer);
  const ids = others.filter((one) => !(isMember && world.isShared(one.index)));
  const retired = [...world.retired].filter(([, index]) => index !== viewer.index);
  return [
    ...others.flatMap(({ secret, email }) => [secret, email]),
    ...ids.map(({ id }) => id),
    ...retired.map(([secret]) => secret),
    ...(isMember ? [] : [world.shared.secret]),
    ...(viewer === world.canary ? [] : [world.closed.secret]),
  ];
}

/** Whether the id stands in a row of an organisation the viewer belongs to. */
async function isShared(
  { sql }: World,
  viewer: FuzzUser,
  id: string,
): Promise<boolean> {
  const [row] = await sql`
    select from (
      select video_id as id, organization_id from public.videos
      union all select scene_id, organization_id from public.scenes
      union all select job_id, organization_id from public.jobs
      union all select person_id, organization_id from public.scene_people
      union all select organization_id, organization_id from public.organizations
    ) as t
    join public.organization_members as m using (organization_id)
    where t.id = ${id} and m.user_id = ${viewer.id}`;
  return row !== undefined;
}

import { requireAdmin } from "../../bearer.ts";
import type { AuthApp, AuthContext } from "../../context.ts";
import type { UserRow } from "../../database.ts";
import { validationFailed } from "../../errors.ts";
import { toUserJson } from "../../user-json.ts";

interface Page {
  page: number;
  perPage: number;
}

/** GET /admin/users: offset pages, soft-deleted users included, identities not loaded. */
export function registerListUsers(app: AuthApp): void {
  app.get("/admin/users", async (c) => {
    await requireAdmin(c);
    const { sql } = c.var.services;
    const { page, perPage } = readPage(c);
    const direction = readDirection(c) === "asc" ? sql`asc` : sql`desc`;
    const filter = c.req.query("filter") ?? "";
    const pattern = `%${filter}%`;
    const where = sql`
      where aud = 'authenticated' and (${filter === ""} or email like ${pattern}
        or raw_user_meta_data->>'full_name' ilike ${pattern})`;
    const [counted] = await sql<{ total: number }[]>`
      select count(*)::int as total from auth.users ${where}`;
    const users = await sql<UserRow[]>`
      select * from auth.users ${where}
      order by created_at ${direction}, id limit ${perPage} offset ${(page - 1) * perPage}`;
    writePageHeaders(c, { page, perPage }, counted?.total ?? 0);
    return c.json({ users: users.map((user) => toUserJson(user, null)), aud: "authenticated" });
  });
}

function readPage(c: AuthContext): Page {
  return { page: readNumber(c, "page", 1), perPage: readNumber(c, "per_page", 50) };
}

function readNumber(c: AuthContext, name: string, otherwise: number): number {
  const text = c.req.query(name) ?? "";
  if (text === "") return otherwise;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return Math.max(1, value);
  throw validationFailed(
    `Bad Pagination Parameters: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function readDirection(c: AuthContext): "asc" | "desc" {
  const text = c.req.query("sort") ?? "";
  if (text === "") return "desc";
  const [field, direction = "desc"] = text.trim().split(/\s+/);
  const word = direction.toLowerCase();
  if (field === "created_at" && (word === "asc" || word === "desc")) return word;
  throw validationFailed(`Bad Sort Parameters: bad field for sort '${field ?? ""}'`);
}

/** Paths as Supabase Auth sees them, without the gateway's prefix. */
function writePageHeaders(c: AuthContext, { page, perPage }: Page, total: number): void {
  const pages = Math.ceil(total / perPage);
  const query = new URL(c.req.url).searchParams;
  const linkTo = (target: number, rel: string) => {
    query.set("page", String(target));
    query.sort();
    return `</admin/users?${query}>; rel="${rel}"`;
  };
  const links = [...(pages > page ? [linkTo(page + 1, "next")] : []), linkTo(pages, "last")];
  c.header("link", links.join(", "));
  c.header("x-total-count", String(total));
}

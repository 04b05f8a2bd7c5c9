import { LocalStackError } from "../errors.ts";

/** The operating-system user PostgreSQL runs as; undefined means the user who started us. */
export interface OperatingUser {
  uid: number;
  gid: number;
}

const CREATED_USER = "heimdex-postgres";

/**
 * PostgreSQL refuses to run as root, so root lends it the system's own database user, or makes one.
 * A cluster that already has an owner keeps that owner.
 */
export async function chooseOperatingUser(clusterDir: string): Promise<OperatingUser | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const owner = await Deno.stat(clusterDir).catch(() => undefined);
  if (owner?.uid && owner.gid !== null) return { uid: owner.uid, gid: owner.gid };
  return await findUser("postgres") ?? await findUser(CREATED_USER) ?? await createUser();
}

/** Runs a short command, as that user when one is given. */
export async function runAs(
  user: OperatingUser | undefined,
  command: string,
  args: string[],
): Promise<{ success: boolean; text: string }> {
  try {
    const output = await new Deno.Command(command, {
      args,
      cwd: "/",
      stdin: "null",
      env: { LC_ALL: "C" },
      ...user,
    }).output();
    const text = [output.stdout, output.stderr].map((part) => new TextDecoder().decode(part));
    return { success: output.success, text: text.join("").trim() };
  } catch (error) {
    return { success: false, text: String(error) };
  }
}

/** Whether that user may list and enter the folder. */
export async function canEnter(user: OperatingUser, folder: string): Promise<boolean> {
  return (await runAs(user, "/bin/sh", ["-c", 'cd -- "$1"', "sh", folder])).success;
}

async function findUser(name: string): Promise<OperatingUser | undefined> {
  const uid = await runAs(undefined, "id", ["-u", name]);
  const gid = await runAs(undefined, "id", ["-g", name]);
  if (!uid.success || !gid.success) return undefined;
  return { uid: Number(uid.text), gid: Number(gid.text) };
}

async function createUser(): Promise<OperatingUser> {
  const args = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"];
  // A plain "su" leaves /usr/sbin out of the path.
  const path = await Deno.stat("/usr/sbin/useradd").then(
    () => "/usr/sbin/useradd",
    () => "useradd",
  );
  const made = await runAs(undefined, path, [...args, CREATED_USER]);
  const user = await findUser(CREATED_USER);
  if (user) return user;
  throw new LocalStackError(
    `PostgreSQL does not run as root and the user "${CREATED_USER}" cannot be created (${made.text}): ` +
      `create an operating-system user named "postgres" or start as an ordinary user`,
  );
}

import { type Allowed, allowed } from "./allowed.ts";
import { readMessages, readVersions } from "./history.ts";
import { type Finding, findSecrets } from "./rules.ts";

/** Something that looks like a secret and that no reason excuses. */
export interface Report extends Finding {
  path: string;
  id: string;
}

export interface ScanResult {
  /** Versions of files and messages that were read. */
  read: number;
  reports: Report[];
  /** How many findings each entry of the allow-list excused. */
  excused: Map<Allowed, number>;
}

/** Reads the whole history and the working tree, and reports what looks like a secret. */
export async function scanHistory(root: string): Promise<ScanResult> {
  const result: ScanResult = { read: 0, reports: [], excused: new Map() };
  const seen = new Set<string>();
  const versions = [...await readMessages(root), ...await Array.fromAsync(readVersions(root))];
  for (const { path, id, content } of versions) {
    result.read++;
    if (seen.has(content)) continue;
    seen.add(content);
    for (const finding of await findSecrets(path, content)) {
      const excuse = findExcuse(path, finding);
      if (excuse) result.excused.set(excuse, (result.excused.get(excuse) ?? 0) + 1);
      else result.reports.push({ ...finding, path, id });
    }
  }
  return result;
}

/** The entry of the allow-list that a finding falls under. */
export function findExcuse(path: string, { match }: Finding): Allowed | undefined {
  return allowed.find((one) => one.path.test(path) && one.match.test(match));
}

import { startChild } from "./child.ts";
import type { LoadJob, LoadReport } from "./load-client.ts";

/** Sends requests from a process of its own. */
export interface LoadGenerator {
  /** Runs one job; throws unless every answer is 200. */
  measure(job: LoadJob): Promise<LoadReport>;
  stop(): Promise<void>;
}

/** Requests under way at once, one on each connection, as clients send them. */
export const concurrency = 16;

export function startLoadGenerator(): LoadGenerator {
  const child = startChild("./load-client.ts");
  return {
    async measure(job) {
      const report = await child.ask(job) as LoadReport;
      if (report.statuses["200"] !== report.answers) {
        throw new Error(`Not every answer was 200: ${JSON.stringify(report.statuses)}`);
      }
      return report;
    },
    stop: () => child.stop(),
  };
}

/** A GET of a kept-alive connection, as raw text. */
export function rawGet(path: string, token: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    "accept: application/json",
    `authorization: Bearer ${token}`,
    "\r\n",
  ].join("\r\n");
}

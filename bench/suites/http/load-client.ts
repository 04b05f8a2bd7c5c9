// A load generator in a process of its own. Reads one job a line from its standard input, sends the
// requests over kept-alive connections and writes one report a line. Requests are raw text, made
// once, and of an answer no more is read than its status and its length: what is measured is the
// server, which has to share its two cores with this.

import { AnswerReader, writeAll } from "./answers.ts";
import { TextLineStream } from "./lines.ts";

/** One measurement. */
export interface LoadJob {
  port: number;
  connections: number;
  /** Requests under way on each connection; more than one is HTTP/1.1 pipelining. */
  depth: number;
  /** Ends after so many answers (rounded up to whole batches of a connection). */
  answers: number;
  /** Whole requests, taken in turn from the one at `offset`. */
  requests: string[];
}

/** What a job came to. */
export interface LoadReport {
  answers: number;
  seconds: number;
  /** Answers by HTTP status. */
  statuses: Record<string, number>;
}

const encoder = new TextEncoder();

async function runJob(
  { port, connections, depth, answers, requests }: LoadJob,
): Promise<LoadReport> {
  const batches = encodeBatches(requests, depth);
  const total = Math.max(1, Math.ceil(answers / depth));
  const report: LoadReport = { answers: 0, seconds: 0, statuses: {} };
  let next = 0;
  const open = await Promise.all(
    Array.from({ length: connections }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  const started = performance.now();
  await Promise.all(open.map(async (connection) => {
    connection.setNoDelay(true);
    const reader = new AnswerReader(connection);
    while (next < total) {
      const batch = batches[next++ % batches.length] ?? encoder.encode("");
      await writeAll(connection, batch);
      for (let left = depth; left > 0; left--) {
        const { status } = await reader.read();
        report.statuses[status] = (report.statuses[status] ?? 0) + 1;
        report.answers++;
      }
    }
  }));
  report.seconds = (performance.now() - started) / 1000;
  for (const connection of open) connection.close();
  return report;
}

/** As many batches as make every request stand in one. */
function encodeBatches(requests: string[], depth: number): Uint8Array[] {
  const count = Math.ceil(requests.length / depth);
  return Array.from({ length: count }, (_, index) => {
    const batch = Array.from(
      { length: depth },
      (_, at) => requests[(index * depth + at) % requests.length] ?? "",
    );
    return encoder.encode(batch.join(""));
  });
}

if (import.meta.main) {
  const lines = Deno.stdin.readable.pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const report = await runJob(JSON.parse(line));
    await Deno.stdout.write(encoder.encode(`${JSON.stringify(report)}\n`));
  }
}

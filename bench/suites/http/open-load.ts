// Sends mixed requests at a given rate, whether earlier ones are answered or not, from a process of
// its own. Reads one job a line from its standard input and writes one report a line.

import { AnswerReader, writeAll } from "./answers.ts";
import { TextLineStream } from "./lines.ts";

/** Requests of one kind; `share` of all of them. */
export interface RequestKind {
  share: number;
  requests: string[];
}

/** One measurement. */
export interface OpenLoadJob {
  port: number;
  /** Requests due in a second; null: as many as the connections take. */
  rate: number | null;
  seconds: number;
  /** Clients that wait for their answer at the same time; one more is not sent and counted. */
  connections: number;
  kinds: RequestKind[];
}

/** What a job came to. */
export interface OpenLoadReport {
  seconds: number;
  answers: number;
  /** Requests that were due while every client waited. */
  unsent: number;
  statuses: Record<string, number>;
  /** 5xx other than 503 with Retry-After, and connections that broke. */
  faults: number;
  /** Milliseconds from sending to the answer, of answers below 400. */
  p50: number;
  p99: number;
}

const encoder = new TextEncoder();

/** The requests of a job in an order that keeps the shares. */
function* drawRequests(kinds: RequestKind[]): Generator<Uint8Array, never> {
  const encoded = kinds.map(({ requests }) => requests.map((text) => encoder.encode(text)));
  const taken = kinds.map(() => 0);
  for (;;) {
    let draw = Math.random();
    let kind = kinds.findIndex(({ share }) => (draw -= share) < 0);
    if (kind === -1) kind = 0;
    const texts = encoded[kind] ?? [];
    const request = texts[(taken[kind] ?? 0) % texts.length];
    taken[kind] = (taken[kind] ?? 0) + 1;
    if (!request) throw new Error("A kind of request has none");
    yield request;
  }
}

async function runJob(job: OpenLoadJob): Promise<OpenLoadReport> {
  const report = { seconds: 0, answers: 0, unsent: 0, statuses: {}, faults: 0, p50: 0, p99: 0 };
  const times: number[] = [];
  const requests = drawRequests(job.kinds);
  const all = await Promise.all(
    Array.from({ length: job.connections }, () => Client.open(job.port)),
  );
  const started = performance.now();
  const end = started + job.seconds * 1000;
  const idle = [...all];
  const working = new Set<Promise<void>>();
  let sent = 0;
  for (let now = performance.now(); now < end; now = performance.now()) {
    const due = job.rate === null
      ? idle.length
      : Math.floor(job.rate * (now - started) / 1000) - sent - report.unsent;
    const ready = idle.splice(Math.max(0, idle.length - due));
    for (const client of ready) {
      const work: Promise<void> = client.send(requests.next().value, report, times)
        .then(() => void idle.push(client)).finally(() => working.delete(work));
      working.add(work);
    }
    sent += ready.length;
    report.unsent += Math.max(0, due - ready.length);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(working);
  report.seconds = (performance.now() - started) / 1000;
  for (const client of all) client.close();
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  return { ...report, p50: at(0.5), p99: at(0.99) };
}

/** One client on a connection of its own, opened again when it broke. */
class Client {
  #connection: Deno.TcpConn;
  #reader: AnswerReader;

  private constructor(private readonly port: number, connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#reader = new AnswerReader(connection);
  }

  static async open(port: number): Promise<Client> {
    return new Client(port, await connect(port));
  }

  async send(
    request: Uint8Array,
    report: { answers: number; faults: number; statuses: Record<string, number> },
    times: number[],
  ): Promise<void> {
    const started = performance.now();
    try {
      await writeAll(this.#connection, request);
      const { status, head } = await this.#reader.read();
      report.answers++;
      report.statuses[status] = (report.statuses[status] ?? 0) + 1;
      if (status < "400") times.push(performance.now() - started);
      const isRefusal = status === "503" && head.includes("\r\nretry-after: ");
      if (status >= "500" && !isRefusal) report.faults++;
    } catch {
      report.faults++;
      this.close();
      this.#connection = await connect(this.port);
      this.#reader = new AnswerReader(this.#connection);
    }
  }

  close(): void {
    try {
      this.#connection.close();
    } catch {
      // The server was first.
    }
  }
}

async function connect(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return connection;
}

if (import.meta.main) {
  const lines = Deno.stdin.readable.pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const report = await runJob(JSON.parse(line));
    await Deno.stdout.write(encoder.encode(`${JSON.stringify(report)}\n`));
  }
}

import { openRelay, type Relay } from "./relay.ts";

/** A statement as it went to the server: its text and its parameters in text form. */
export interface SentStatement {
  text: string;
  parameters: (string | null)[];
}

/** A way to the database on which every statement is read on its way. */
export interface Wire extends Relay {
  /** What was executed since the last call, in order, over all connections. */
  take(): SentStatement[];
}

/** Opens a wire to a PostgreSQL on loopback, which speaks no TLS. */
export async function openWire(databaseUrl: string): Promise<Wire> {
  let sent: SentStatement[] = [];
  const relay = await openRelay(databaseUrl, (client) => {
    const reader = new FrontendReader((statement) => sent.push(statement));
    client.on("data", (bytes) => reader.push(bytes));
  });
  return {
    ...relay,
    take: () => {
      const taken = sent;
      sent = [];
      return taken;
    },
  };
}

/** Reads what a client sends, as PostgreSQL's protocol 3 has it. */
class FrontendReader {
  readonly #onStatement: (statement: SentStatement) => void;
  readonly #texts = new Map<string, string>();
  #bound: SentStatement = { text: "", parameters: [] };
  #bytes = Buffer.alloc(0);
  #isStarted = false;

  constructor(onStatement: (statement: SentStatement) => void) {
    this.#onStatement = onStatement;
  }

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      // The first message has no type.
      const head = this.#isStarted ? 1 : 0;
      if (this.#bytes.length < head + 4) return;
      const length = head + this.#bytes.readInt32BE(head);
      if (this.#bytes.length < length) return;
      const type = this.#isStarted ? String.fromCharCode(this.#bytes[0] ?? 0) : "start";
      this.#read(type, this.#bytes.subarray(head + 4, length));
      this.#bytes = this.#bytes.subarray(length);
      this.#isStarted = true;
    }
  }

  #read(type: string, body: Buffer): void {
    const fields = new FieldReader(body);
    if (type === "Q") this.#onStatement({ text: fields.text(), parameters: [] });
    if (type === "P") this.#texts.set(fields.text(), fields.text());
    if (type === "B") {
      fields.text();
      this.#bound = { text: this.#texts.get(fields.text()) ?? "", parameters: readBound(fields) };
    }
    if (type === "E") this.#onStatement(this.#bound);
  }
}

/** The parameters of a bind message; the driver sends all of ours as text. */
function readBound(fields: FieldReader): (string | null)[] {
  const formats = Array.from({ length: fields.int16() }, () => fields.int16());
  if (formats.some((format) => format !== 0)) throw new Error("A parameter was sent in binary");
  return Array.from({ length: fields.int16() }, () => fields.value());
}

class FieldReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  text(): string {
    const end = this.#body.indexOf(0, this.#at);
    const text = this.#body.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  int16(): number {
    this.#at += 2;
    return this.#body.readInt16BE(this.#at - 2);
  }

  value(): string | null {
    const length = this.#body.readInt32BE(this.#at);
    this.#at += 4;
    if (length < 0) return null;
    this.#at += length;
    return this.#body.toString("utf8", this.#at - length, this.#at);
  }
}

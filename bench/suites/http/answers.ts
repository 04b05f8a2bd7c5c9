const decoder = new TextDecoder("latin1");

/** An answer, as far as it is read. */
export interface Answer {
  status: string;
  /** Status line and headers, in lower case. */
  head: string;
}

/** Reads answers with a Content-Length off a connection, one after the other, and skips bodies. */
export class AnswerReader {
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #connection: Deno.TcpConn;
  #text = "";

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  async read(): Promise<Answer> {
    let end = this.#text.indexOf("\r\n\r\n");
    while (end === -1) {
      await this.#fill();
      end = this.#text.indexOf("\r\n\r\n");
    }
    const head = this.#text.slice(0, end).toLowerCase();
    const at = head.indexOf("content-length: ");
    const length = at === -1 ? 0 : Number.parseInt(head.slice(at + 16, at + 26));
    while (this.#text.length < end + 4 + length) await this.#fill();
    this.#text = this.#text.slice(end + 4 + length);
    return { status: head.slice(9, 12), head };
  }

  async #fill(): Promise<void> {
    const size = await this.#connection.read(this.#buffer);
    if (size === null) throw new Error("The server closed the connection");
    this.#text += decoder.decode(this.#buffer.subarray(0, size));
  }
}

/** Sends all of it. */
export async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let sent = await connection.write(bytes);
  while (sent < bytes.length) sent += await connection.write(bytes.subarray(sent));
}

/** Milliseconds for which a line may wait for others, and by which messages stand apart. */
const longestWait = 5;

/** A hosted project cuts a log message at 10,000 characters. */
const longestMessage = 9_900;

/** A log of JSON lines. */
export interface LineLog {
  /** Adds a line; one of `level` "error" is written at once, with all before it. */
  add(line: Record<string, unknown>): void;
  /** Writes what waits. */
  flush(): void;
}

/**
 * A log that writes the lines of a few milliseconds as one message, in order: a message costs as
 * much as half an answer, and of a hosted function 100 of them are kept in 10 seconds. A line does
 * not wait when nothing was written for as long, which spares a new process the timers that Deno
 * loads at their first use, nor when something went wrong, nor when the process ends in order
 * (`flushAtExit`).
 * @param write takes one message, lines parted by "\n"
 */
export function createLineLog(write: (message: string) => void): LineLog {
  let waiting = "";
  let writtenAt = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function flush(): void {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    if (waiting === "") return;
    const message = waiting;
    waiting = "";
    writtenAt = performance.now();
    write(message);
  }
  return {
    add(line) {
      const text = JSON.stringify(line);
      if (waiting !== "" && waiting.length + text.length >= longestMessage) flush();
      waiting = waiting === "" ? text : `${waiting}\n${text}`;
      const isAlone = timer === undefined && performance.now() - writtenAt >= longestWait;
      if (isAlone || line["level"] === "error") flush();
      else timer ??= setTimeout(flush, longestWait);
    },
    flush,
  };
}

/** Has a log write what waits before an isolate or a process ends in order. */
export function flushAtExit(log: LineLog): LineLog {
  for (const event of ["beforeunload", "unload"]) globalThis.addEventListener(event, log.flush);
  return log;
}

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLineLog, flushAtExit } from "../../../shared/http/line-log.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openLog() {
  const messages: string[] = [];
  return { messages, log: createLineLog((message) => void messages.push(message)) };
}

describe("createLineLog()", () => {
  it("writes the lines of a few milliseconds as one message, in order", () => {
    const { log, messages } = openLog();
    for (let n = 0; n <= 3; n++) log.add({ level: "info", n });
    expect(messages).toEqual(['{"level":"info","n":0}']);
    vi.advanceTimersByTime(5);
    expect(messages[1]).toBe(
      '{"level":"info","n":1}\n{"level":"info","n":2}\n{"level":"info","n":3}',
    );
    log.add({ level: "info", n: 4 });
    expect(messages).toHaveLength(2);
    vi.advanceTimersByTime(5);
    expect(messages).toHaveLength(3);
  });

  it("writes a line at once, and without a timer, when nothing was written of late", () => {
    const { log, messages } = openLog();
    for (let n = 1; n <= 3; n++) {
      log.add({ level: "info", n });
      expect(messages).toHaveLength(n);
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(5);
    }
  });

  it("writes an error at once, after what came before it", () => {
    const { log, messages } = openLog();
    log.add({ level: "info", n: 0 });
    log.add({ level: "info", n: 1 });
    log.add({ level: "error", n: 2 });
    expect(messages[1]).toBe('{"level":"info","n":1}\n{"level":"error","n":2}');
    vi.advanceTimersByTime(5);
    expect(messages).toHaveLength(2);
  });

  it("loses no line and makes no message that a hosted project would cut", () => {
    const { log, messages } = openLog();
    for (let n = 0; n < 1_000; n++) log.add({ level: "info", n, text: "x".repeat(n % 300) });
    log.flush();
    expect(messages.every((message) => message.length <= 10_000)).toBe(true);
    const lines = messages.flatMap((message) => message.split("\n")).map((line) =>
      JSON.parse(line)
    );
    expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  });

  it.each(["beforeunload", "unload"])("writes what waits at %s", (event) => {
    const { log, messages } = openLog();
    flushAtExit(log).add({ level: "info", n: 1 });
    log.add({ level: "info", n: 2 });
    globalThis.dispatchEvent(new Event(event));
    expect(messages).toEqual(['{"level":"info","n":1}', '{"level":"info","n":2}']);
  });
});

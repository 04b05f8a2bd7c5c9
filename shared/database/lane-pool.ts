import { AppError } from "../errors/app-error.ts";
import type { Lane } from "./lane.ts";

/** How many connections one process holds, and how long requests wait for one. */
export interface PoolLimits {
  /** Connections; twice the cores of a small database, and there are many processes. */
  lanes: number;
  /** Requests that may wait for a connection; the next one is refused. */
  waiting: number;
  /** Milliseconds a request waits at most. */
  patience: number;
  /** Milliseconds after which an unused connection is ended. */
  idle: number;
  /** Milliseconds after which a connection is replaced, so that a moved database is found. */
  lifetime: number;
}

/** What holds without other words. */
export const defaultPoolLimits: PoolLimits = {
  lanes: 4,
  waiting: 1000,
  patience: 10_000,
  idle: 20_000,
  lifetime: 1_800_000,
};

interface Waiting {
  readonly queue: string | undefined;
  take(lane: Lane): void;
  refuse(error: AppError): void;
}

/**
 * Hands out connections one transaction at a time, first come first served. Who cannot be served is
 * told so at once or after `patience`: a queue without end would answer everybody too late.
 *
 * Transactions that would wait for the same lock name the same queue and get one connection at a
 * time: otherwise those that wait would hold all of them, and everybody else would wait as well.
 */
export class LanePool {
  readonly #open: () => Lane;
  readonly #limits: PoolLimits;
  /** The last one used comes first, so that a quiet process ends the others. */
  readonly #free = new Map<Lane, ReturnType<typeof setTimeout>>();
  /** What is in use, with the queue it was taken for. */
  readonly #used = new Map<Lane, string | undefined>();
  readonly #waiting = new Set<Waiting>();

  constructor(open: () => Lane, limits: PoolLimits = defaultPoolLimits) {
    this.#open = open;
    this.#limits = limits;
  }

  /**
   * A lane of one's own until it is given back with {@link release}.
   * @param queue those who name the same one are served one after the other
   * @throws AppError database_unavailable (503, Retry-After) when the queue is full or too slow
   */
  async acquire(queue?: string): Promise<Lane> {
    if (!this.#isServed(queue)) {
      const free = this.#takeFree();
      if (free) return this.#use(free, queue);
      if (this.#used.size < this.#limits.lanes) return this.#use(this.#open(), queue);
    }
    return await this.#wait(queue);
  }

  /** Gives a lane back; one whose connection is gone is replaced. */
  release(lane: Lane): void {
    this.#used.delete(lane);
    const isOld = Date.now() - lane.openedAt > this.#limits.lifetime;
    if (lane.isLost || isOld) void lane.end();
    const next = this.#nextWaiting();
    if (next) {
      this.#waiting.delete(next);
      next.take(this.#use(lane.isLost ? this.#open() : lane, next.queue));
    } else if (!lane.isLost) {
      this.#keep(lane);
    }
  }

  /** Ends all connections; whoever waits is refused. */
  async close(): Promise<void> {
    for (const waiting of this.#waiting) waiting.refuse(tooBusy());
    this.#waiting.clear();
    const lanes = [...this.#free.keys(), ...this.#used.keys()];
    for (const timer of this.#free.values()) clearTimeout(timer);
    this.#free.clear();
    this.#used.clear();
    await Promise.all(lanes.map((lane) => lane.end()));
  }

  #use(lane: Lane, queue: string | undefined): Lane {
    this.#used.set(lane, queue);
    return lane;
  }

  /** Whether somebody of this queue holds a lane; there are only a few to look at. */
  #isServed(queue: string | undefined): boolean {
    return queue !== undefined && [...this.#used.values()].includes(queue);
  }

  #nextWaiting(): Waiting | undefined {
    for (const waiting of this.#waiting) {
      if (!this.#isServed(waiting.queue)) return waiting;
    }
    return undefined;
  }

  #keep(lane: Lane): void {
    const timer = setTimeout(() => {
      this.#free.delete(lane);
      void lane.end();
    }, this.#limits.idle);
    lane.onLost = () => this.#forget(lane);
    this.#free.set(lane, timer);
  }

  #forget(lane: Lane): void {
    clearTimeout(this.#free.get(lane));
    this.#free.delete(lane);
    void lane.end();
  }

  #takeFree(): Lane | undefined {
    const lane = [...this.#free.keys()].at(-1);
    if (!lane) return undefined;
    clearTimeout(this.#free.get(lane));
    this.#free.delete(lane);
    lane.onLost = null;
    return lane;
  }

  #wait(queue: string | undefined): Promise<Lane> {
    if (this.#waiting.size >= this.#limits.waiting) return Promise.reject(tooBusy());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(tooBusy());
      }, this.#limits.patience);
      const waiting: Waiting = {
        queue,
        take: (lane) => {
          clearTimeout(timer);
          resolve(lane);
        },
        refuse: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiting.add(waiting);
    });
  }
}

function tooBusy(): AppError {
  return new AppError(
    "database_unavailable",
    "Too many requests wait for the database, try again shortly",
    { headers: { "retry-after": "2" } },
  );
}

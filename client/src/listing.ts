/** One page as the API answers it. */
export interface Page {
  next_cursor: string | null;
  has_more: boolean;
}

/** How a list is read: one page after this cursor. */
type ReadPage<P> = (cursor: string | undefined) => Promise<P>;

/**
 * A list that reads itself page by page: `for await (const video of heimdex.videos.list())`.
 * Nothing is asked before the first item is.
 */
export class Listing<P extends Page, Item> implements AsyncIterable<Item> {
  readonly #read: ReadPage<P>;
  readonly #itemsOf: (page: P) => readonly Item[];

  constructor(read: ReadPage<P>, itemsOf: (page: P) => readonly Item[]) {
    this.#read = read;
    this.#itemsOf = itemsOf;
  }

  /** One page: the first, or the one after the `next_cursor` of another. */
  page(cursor?: string): Promise<P> {
    return this.#read(cursor);
  }

  /** Every page, one request each. */
  async *pages(): AsyncGenerator<P, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.#read(cursor);
      yield page;
      cursor = page.has_more ? page.next_cursor ?? undefined : undefined;
    } while (cursor !== undefined);
  }

  /** Every item, in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) yield* this.#itemsOf(page);
  }

  /** The first `max` items, or all; reads no page more than that takes. */
  async toArray(max = Infinity): Promise<Item[]> {
    const items: Item[] = [];
    if (max <= 0) return items;
    for await (const item of this) {
      items.push(item);
      if (items.length >= max) break;
    }
    return items;
  }
}

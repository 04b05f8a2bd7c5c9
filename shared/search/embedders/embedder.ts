import { vectorDimensions } from "../rank-fusion.ts";

/** Turns the words of a query into a vector of the space in which the scenes' text vectors lie. */
export interface Embedder {
  /** False when there is no model to ask: searches are then by text alone. */
  readonly isConfigured: boolean;
  /**
   * @param text the words that are looked for, without operators
   * @returns 1152 finite numbers, not all zero
   * @throws EmbedderFailed, and nothing else, within `embedderTimeout`
   */
  embed(text: string): Promise<number[]>;
}

/** Milliseconds a search waits for an embedding before it goes on without one. */
export const embedderTimeout = 2000;

/** Most characters of a query that a model is asked about: what is longer many refuse. */
export const longestEmbedded = 2000;

/** The model did not answer, or not with a vector of ours. Its message never quotes the query. */
export class EmbedderFailed extends Error {
  override readonly name = "EmbedderFailed";
  /** Whether the model is there and refused this one text: it may take the next. */
  readonly isRefusal: boolean;

  constructor(message: string, { isRefusal = false }: { isRefusal?: boolean } = {}) {
    super(message);
    this.isRefusal = isRefusal;
  }
}

/**
 * Checks what a model answered. Fewer numbers than 1152 are filled up with zeros where `pads` is
 * set: angles between vectors of one model stay the same.
 * @returns float32 numbers
 * @throws EmbedderFailed
 */
export function checkEmbedding(answer: unknown, o: { pads?: boolean } = {}): number[] {
  if (!Array.isArray(answer) || !answer.every((value) => typeof value === "number")) {
    throw new EmbedderFailed("The embedder did not answer with a list of numbers");
  }
  const isLong = answer.length === vectorDimensions || (o.pads && answer.length < vectorDimensions);
  if (!isLong) {
    throw new EmbedderFailed(
      `The embedder answered with ${answer.length} numbers, expected ${vectorDimensions}`,
    );
  }
  const vector = answer.map(Math.fround);
  if (!vector.every(Number.isFinite) || vector.every((value) => value === 0)) {
    throw new EmbedderFailed("The embedder answered with a vector that has no direction");
  }
  return [...vector, ...Array<number>(vectorDimensions - vector.length).fill(0)];
}

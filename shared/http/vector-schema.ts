import * as z from "zod";
import { later } from "../later.ts";

const bytesPerNumber = 4;

/**
 * A vector on the wire: base64 (RFC 4648, with padding) of `dimensions` float32 numbers, little
 * endian. Parsed into pgvector's text form, `[0.25,-1,...]`. Refuses what is no base64, has another
 * length, holds NaN or an infinity, or has length zero, of which no cosine can be taken.
 */
export function base64VectorSchema(dimensions: number) {
  return later(() =>
    z.string()
      .transform((text, ctx) => {
        const numbers = readNumbers(text);
        const fault = numbers
          ? findFault(numbers, dimensions)
          : "Expected base64 of float32 numbers";
        if (!numbers || fault) {
          ctx.addIssue({ code: "custom", message: fault ?? "" });
          return z.NEVER;
        }
        // Nine significant digits bring back every float32 exactly.
        return `[${numbers.map((number) => number.toPrecision(9)).join(",")}]`;
      })
      .openapi({
        type: "string",
        format: "byte",
        description: `base64 of ${dimensions} float32 numbers, little endian`,
      })
  );
}

function findFault(numbers: number[], dimensions: number): string | undefined {
  if (numbers.length !== dimensions) {
    return `Expected ${dimensions} numbers, there are ${numbers.length}`;
  }
  const infinite = numbers.findIndex((number) => !Number.isFinite(number));
  if (infinite !== -1) return `Number ${infinite + 1} is not finite`;
  return numbers.every((number) => number === 0) ? "All numbers are zero" : undefined;
}

function readNumbers(text: string): number[] | undefined {
  const bytes = decodeBase64(text);
  if (!bytes || bytes.length % bytesPerNumber !== 0) return undefined;
  const view = new DataView(bytes.buffer);
  return Array.from(
    { length: bytes.length / bytesPerNumber },
    (_, index) => view.getFloat32(index * bytesPerNumber, true),
  );
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  // atob passes over blanks and missing padding; here both are faults of the sender.
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

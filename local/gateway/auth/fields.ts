import { z } from "zod";

// A Go decoder leaves the zero value for null and for a missing key alike.
export const textField = z.string().nullish().transform((value) => value ?? "");
export const flagField = z.boolean().nullish().transform((value) => value ?? false);
export const objectField = z.record(z.string(), z.unknown()).nullish()
  .transform((value) => value ?? null);

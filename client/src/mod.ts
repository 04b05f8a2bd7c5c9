export { createHeimdexClient, type HeimdexClient, type HeimdexOptions } from "./client.ts";
export {
  ConnectionError,
  type FieldError,
  HeimdexError,
  isProblem,
  ProblemError,
  UnexpectedAnswerError,
  UploadError,
} from "./errors.ts";
export { Listing, type Page } from "./listing.ts";
export type { FileSource, FileStream, Progress } from "./send-file.ts";
export type { SupabaseLike } from "./supabase.ts";
export type * from "./types.ts";
export type { TransferOptions } from "./upload.ts";
export type { UploadOptions } from "./videos.ts";
export type { components, operations } from "./schema.ts";

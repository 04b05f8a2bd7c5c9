import type { operationPlaces } from "./operations.ts";
import type { components, operations } from "./schema.ts";

type Schemas = components["schemas"];

/** The body of every refusal (RFC 9457). */
export type Problem = Schemas["Problem"];

/** Every error code of the API; see docs/errors.md for what each means. */
export type ErrorCode = Problem["code"];

export type Session = Schemas["Session"];
export type Profile = Schemas["Profile"];
export type ChangedProfile = Schemas["ChangedProfile"];
export type Usage = Schemas["Usage"];
export type Export = Schemas["Export"];
export type OpenExport = Schemas["OpenExport"];
export type ErasurePreview = Schemas["ErasurePreview"];
export type ErasureStatus = Schemas["ErasureStatus"];
export type DeletionTicket = Schemas["DeletionTicket"];
export type Video = Schemas["Video"];
export type VideoStatus = Schemas["VideoStatus"];
export type Scene = Schemas["Scene"];
export type Person = Schemas["Person"];
export type PersonScene = Schemas["PersonScene"];
export type PhotoState = Schemas["PhotoState"];
export type CompletedUpload = Schemas["CompletedUpload"];
export type SearchHit = Schemas["SearchHit"];

/** Name of an operation: its operationId in the OpenAPI document. */
export type OperationId = keyof typeof operationPlaces;

type Of<Id extends OperationId> = operations[Id];
type IsNever<T> = [T] extends [never] ? true : false;

type PathOf<Id extends OperationId> = NonNullable<Of<Id>["parameters"]["path"]>;

/** Query parameters of an operation. */
export type QueryOf<Id extends OperationId> = NonNullable<Of<Id>["parameters"]["query"]>;

type ContentOf<T> = T extends { content: infer C } ? C[keyof C] : never;

/** What the body of an operation's request is. */
export type BodyOf<Id extends OperationId> = ContentOf<NonNullable<Of<Id>["requestBody"]>>;

type Answer<T> = T extends { content: infer C }
  ? (C[keyof C] extends never ? undefined : C[keyof C])
  : undefined;

/** What an operation answers; undefined where it answers nothing. */
export type AnswerOf<Id extends OperationId> = Answer<
  Of<Id>["responses"][keyof Of<Id>["responses"]]
>;

type PathInput<Id extends OperationId> = IsNever<PathOf<Id>> extends true ? { path?: never }
  : { path: PathOf<Id> };

type QueryInput<Id extends OperationId> = IsNever<QueryOf<Id>> extends true ? { query?: never }
  : Record<never, never> extends QueryOf<Id> ? { query?: QueryOf<Id> }
  : { query: QueryOf<Id> };

type BodyInput<Id extends OperationId> = IsNever<BodyOf<Id>> extends true ? { body?: never }
  : Of<Id> extends { requestBody: unknown } ? { body: BodyOf<Id> }
  : { body?: BodyOf<Id> };

/** Everything one call of an operation takes. */
export type CallInput<Id extends OperationId> =
  & PathInput<Id>
  & QueryInput<Id>
  & BodyInput<Id>
  & {
    /** Sent beside what supabase-js sends. */
    headers?: Record<string, string>;
    signal?: AbortSignal;
  };

/**
 * Calls one operation and resolves to its answer.
 * @throws ProblemError, ConnectionError, UnexpectedAnswerError
 */
export type Call = <Id extends OperationId>(
  operation: Id,
  input: CallInput<Id>,
) => Promise<AnswerOf<Id>>;

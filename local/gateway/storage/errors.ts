/** A refusal in the form storage-js reads: body `{statusCode, error, message, code}`. */
export class StorageError extends Error {
  override name = "StorageError";
  constructor(
    /** Stands in the body; the HTTP status is 400 unless said otherwise, as hosted Storage does. */
    readonly statusCode: number,
    readonly code: string,
    message: string,
    readonly error: string = code,
    readonly httpStatus: number = statusCode >= 500 ? statusCode : 400,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

export const refuse = {
  noSuchBucket: () => new StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found"),
  noSuchKey: () => new StorageError(404, "NoSuchKey", "Object not found", "not_found"),
  invalidKey: (key: string) => new StorageError(400, "InvalidKey", `Invalid key: ${key}`),
  invalidBucketName: () =>
    new StorageError(400, "InvalidBucketName", "Bucket name invalid", "Invalid Input"),
  invalidRequest: (message: string) => new StorageError(400, "InvalidRequest", message),
  alreadyExists: () =>
    new StorageError(409, "KeyAlreadyExists", "The resource already exists", "Duplicate"),
  bucketNotEmpty: () =>
    new StorageError(409, "ResourceNotEmpty", "The bucket you tried to delete is not empty"),
  tooLarge: () =>
    new StorageError(
      413,
      "EntityTooLarge",
      "The object exceeded the maximum allowed size",
      "Payload too large",
    ),
  mimeType: (mimeType: string) =>
    new StorageError(
      415,
      "InvalidMimeType",
      `mime type ${mimeType} is not supported`,
      "invalid_mime_type",
    ),
  accessDenied: (message: string) => new StorageError(403, "AccessDenied", message, "Unauthorized"),
  credentialsMissing: () =>
    new StorageError(
      401,
      "AccessDenied",
      "Headers must have required property 'authorization'",
      "Unauthorized",
      401,
    ),
  invalidToken: (message: string) =>
    new StorageError(401, "InvalidJWT", message, "Unauthorized", 401),
  invalidSignature: (message: string) => new StorageError(400, "InvalidJWT", message),
  signatureMismatch: () => new StorageError(400, "InvalidSignature", "Invalid signature"),
  invalidRange: (size: number) =>
    new StorageError(
      416,
      "InvalidRange",
      "The requested range is not satisfiable",
      "invalid_range",
      416,
      { "content-range": `bytes */${size}` },
    ),
  noRoute: (method: string, path: string) =>
    new StorageError(404, "NotFound", `Route ${method}:${path} not found`, "Not Found", 404),
  notSupported: (feature: string) =>
    new StorageError(
      501,
      "NotSupported",
      `${feature} is not part of the local stack`,
      "NotSupported",
      501,
    ),
  unavailable: () =>
    new StorageError(
      503,
      "DatabaseConnectionLimit",
      "Storage cannot reach its database, try again later",
      "Service Unavailable",
      503,
      { "retry-after": "2" },
    ),
};

/** Any error as an answer; the text of an unexpected one goes to the log, never to the client. */
export function toErrorResponse(error: unknown, log: (line: string) => void): Response {
  const known = error instanceof StorageError ? error : internalError;
  if (known === internalError) log(`storage: ${error}`);
  const { statusCode, code, error: name, message, httpStatus, headers } = known;
  return Response.json(
    { statusCode: String(statusCode), code, error: name, message },
    { status: httpStatus, headers },
  );
}

const internalError = new StorageError(500, "InternalError", "Internal server error", "Internal");

import { type ErrorCode, errorStatus, errorTitle } from "../../shared/errors/codes.ts";
import type { Members } from "./members.ts";

/** What decides which failures follow from the shape of an operation alone. */
export interface OperationShape {
  method: string;
  tag: string;
  /** Names of the security schemes that open it; empty: anybody. */
  schemes: readonly string[];
  hasBody: boolean;
  hasParameters: boolean;
  hasCursor: boolean;
}

const bodyCodes: ErrorCode[] = [
  "invalid_json",
  "payload_too_large",
  "unsupported_media_type",
  "validation_failed",
];

const schemeCodes: Record<string, ErrorCode[]> = {
  bearer: [
    "token_missing",
    "token_invalid",
    "token_expired",
    "session_revoked",
  ],
  worker: ["key_invalid"],
  cron: ["key_invalid"],
  webhook: ["signature_invalid", "signature_expired"],
};

/** Codes that an operation may answer because of its shape, without those of a broken server. */
export function codesOfShape(shape: OperationShape): ErrorCode[] {
  const isLimited = shape.tag === "search" ||
    (shape.method !== "get" && shape.schemes.includes("bearer"));
  return [
    ...shape.hasBody ? bodyCodes : [],
    ...shape.hasParameters ? ["validation_failed" as const] : [],
    ...shape.hasCursor ? ["invalid_cursor" as const] : [],
    ...shape.schemes.flatMap((scheme) => schemeCodes[scheme] ?? []),
    ...isLimited ? ["rate_limited" as const] : [],
  ];
}

/** One response for each status among these codes, with an example of each code. */
export function describeProblems(codes: Iterable<ErrorCode>): Members {
  const byStatus = Map.groupBy(new Set(codes), (code) => errorStatus[code]);
  const responses = [...byStatus].sort(([one], [other]) => one - other);
  return Object.fromEntries(responses.map(([status, names]) => [status, describe(status, names)]));
}

function describe(status: number, codes: ErrorCode[]): Members {
  return {
    description: codes.map((code) => `\`${code}\`: ${errorTitle[code]}`).join("; "),
    ...status === 429 ? { headers: retryAfter } : {},
    content: {
      "application/problem+json": {
        schema: { $ref: "#/components/schemas/Problem" },
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  };
}

const retryAfter = {
  "Retry-After": {
    description: "Seconds to wait",
    schema: { type: "integer", minimum: 0 },
  },
};

/** The answer of a server that cannot answer. */
export function describeOutage(): Members {
  const codes = Object.keys(errorStatus).filter((code): code is ErrorCode =>
    errorStatus[code as ErrorCode] >= 500
  );
  return {
    ...describe(503, codes),
    description: "Any other failure, as a problem document",
  };
}

/** An example of each code that these paths refer to, for `components.examples`. */
export function problemExamples(paths: string): Members {
  const used = Object.entries(errorStatus).filter(([code]) =>
    paths.includes(`"#/components/examples/${code}"`)
  );
  return Object.fromEntries(used.map(([name, status]) => {
    const code = name as ErrorCode;
    return [code, {
      summary: errorTitle[code],
      value: toExample(code, status),
    }];
  }));
}

function toExample(code: ErrorCode, status: number): Members {
  const isValidation = code === "validation_failed";
  return {
    type: `urn:heimdex:problem:${code}`,
    title: errorTitle[code],
    status,
    detail: isValidation ? "The body is not valid, check title" : errorTitle[code],
    code,
    request_id: "2f6f0c0e-5d0a-4f2b-9a9e-3f1c1d7a9b10",
    ...isValidation ? { errors: [{ path: "title", message: "Expected text" }] } : {},
  };
}

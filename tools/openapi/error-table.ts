import { type ErrorCode, errorStatus, errorTitle } from "../../shared/errors/codes.ts";
import { errorAdvice } from "./error-advice.ts";

/** Every code with its status, its title and what an app does about it, as a Markdown table. */
export function renderErrorTable(): string {
  const rows = Object.entries(errorStatus).map(([name, status]) => {
    const code = name as ErrorCode;
    return [
      "`" + code + "`",
      String(status),
      errorTitle[code],
      errorAdvice[code],
    ];
  });
  const table = [["code", "status", "title", "what an app does"], ...rows];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...table.map((row) => (row[column] ?? "").length))
  );
  const line = (cells: string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = table;
  return [
    line(head),
    line(widths.map((width) => "-".repeat(width))),
    ...body.map(line),
  ].join("\n");
}

/** The text of docs/errors.md. */
export function renderErrorPage(): string {
  return `# Errors

Every failure of every function is \`application/problem+json\` (RFC 9457):

\`\`\`json
{
  "type": "urn:heimdex:problem:validation_failed",
  "title": "The request is not valid",
  "status": 422,
  "detail": "The body is not valid, check title",
  "code": "validation_failed",
  "request_id": "2f6f0c0e-5d0a-4f2b-9a9e-3f1c1d7a9b10",
  "errors": [{ "path": "title", "message": "Too small: expected string to have >=1 characters" }]
}
\`\`\`

\`code\` is stable and decides what an app does. \`title\` is the same for every failure of a code,
\`detail\` says what happened this time, \`errors\` names refused fields. \`x-request-id\` is on every
answer, and the log line of the request carries it. A 401 carries \`WWW-Authenticate\`; 429 and 503
carry \`Retry-After\` in seconds. [The client](client.md) throws all this as one typed exception.

<!-- Written by npm run openapi from shared/errors/codes.ts -->

${renderErrorTable()}
`;
}

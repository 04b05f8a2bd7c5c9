/**
 * A text as a string constant of SQL, for statements that go without parameters. Written with E'',
 * so that it reads the same whatever `standard_conforming_strings` says; the connection is UTF-8.
 * @throws RangeError for a text with a NUL character, which PostgreSQL cannot hold
 */
export function quoteLiteral(text: string): string {
  if (text.includes("\0")) throw new RangeError("A text for PostgreSQL must not hold NUL");
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

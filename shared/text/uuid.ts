const pattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID (RFC 9562) of any version, with hyphens, in upper or lower case. */
export function isUuid(text: string): boolean {
  return pattern.test(text);
}

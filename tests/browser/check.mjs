/** Ends the journey with this sentence unless the condition holds. */
export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

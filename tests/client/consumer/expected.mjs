/** What every runtime has to see. */
export const expected = {
  signedInAs: true,
  profile: [true, "Shipping", "dark"],
  upload: ["validating", 0, 1],
  progressGrows: true,
  scenes: ["indexed", 0, 1.25],
  people: ["Bora", "Minji", "Captain Han", 1],
  hits: ["00:00:01.250"],
  refusal: ["ProblemError", 409, "person_exists", true, []],
  invalid: ["ProblemError", 422, "validation_failed", true, ["title"]],
  missing: ["ProblemError", 404, "video_not_found", true, []],
  signedOut: null,
};

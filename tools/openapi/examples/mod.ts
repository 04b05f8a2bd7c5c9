import { authOnboarding } from "./auth-onboarding.ts";
import { authWebhook } from "./auth-webhook.ts";
import { me } from "./me.ts";
import { people } from "./people.ts";
import { search } from "./search.ts";
import type { FunctionExamples } from "./types.ts";
import { videos } from "./videos.ts";

/** Every example by the name of its function. */
export const examples: Readonly<Record<string, FunctionExamples>> = {
  "auth-onboarding": authOnboarding,
  me,
  videos,
  people,
  search,
  "auth-webhook": authWebhook,
};

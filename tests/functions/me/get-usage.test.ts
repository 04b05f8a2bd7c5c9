import { describe, expect, it } from "vitest";
import { createApp } from "../../../supabase/functions/me/app.ts";
import { usageSchema } from "../../../supabase/functions/me/schemas.ts";
import { depsWith, withOutage } from "../../support/app.ts";
import { call, expectJson, expectProblem, toRequestInit } from "../../support/call.ts";
import { createUser } from "../../support/users.ts";

async function usageOf(token: string) {
  return usageSchema.parse(await expectJson(await call("/me/usage", { token }), 200));
}

describe("GET /me/usage", () => {
  it("answers zeros and the limit of the tier to a new user", async () => {
    const { accessToken } = await createUser();
    const usage = await usageOf(accessToken);
    expect(usage).toMatchObject({
      tier: "free",
      uploads_today: 0,
      uploads_per_day: 3,
      can_upload: true,
      videos: 0,
      people: 0,
      scenes: 0,
      storage_bytes: 0,
    });
    expect(usage.uploads_reset_at).toMatch(/T00:00:00Z$/);
  });

  it("counts what the user owns and nothing of others", async () => {
    const [user, other] = await Promise.all([createUser(), createUser()]);
    const person = { method: "POST", token: user.accessToken, json: { name: "Mina" } };
    await expectJson(await call("/people", person), 201);
    const video = { filename: "a.mp4", mime_type: "video/mp4", size_bytes: 1000 };
    const upload = { method: "POST", token: user.accessToken, json: video };
    await expectJson(await call("/videos/upload/init", upload), 201);
    expect(await usageOf(user.accessToken)).toMatchObject({
      uploads_today: 1,
      videos: 1,
      people: 1,
      // Announced, not yet uploaded.
      storage_bytes: 0,
    });
    expect(await usageOf(other.accessToken)).toMatchObject({ videos: 0, people: 0 });
  });

  it("answers 503 while the database is down", async () => {
    const { accessToken } = await createUser();
    const app = createApp(depsWith({ environment: withOutage("database") }));
    const response = await app.request("/me/usage", toRequestInit({ token: accessToken }));
    await expectProblem(response, "database_unavailable", 503);
  });
});

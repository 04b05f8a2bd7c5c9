import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { limitBy } from "../../../../shared/http/rate-limit.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { updateVideoSchema, videoParamsSchema, videoSchema } from "../schemas.ts";
import { updateVideo } from "../store.ts";
import { signThumbnails } from "../../../../shared/storage/sign-thumbnails.ts";
import { toVideo } from "../videos.ts";

const route = createRoute({
  method: "patch",
  path: "/{id}",
  operationId: "updateVideo",
  summary: "Change title, description, tags or language",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [
    audited("video.changed", { resource: "video" }),
    requireUser(),
    limitBy("write"),
  ] as const,
  request: {
    params: videoParamsSchema,
    body: { required: true, content: { "application/json": { schema: updateVideoSchema } } },
  },
  responses: {
    200: {
      description: "The video as changed",
      content: { "application/json": { schema: videoSchema } },
    },
    ...problemResponse,
  },
});

export function registerUpdateVideo(app: App): void {
  app.openapi(route, async (c) => {
    const { deps, verified } = c.var;
    const { id } = c.req.valid("param");
    const changes = c.req.valid("json");
    const row = await deps.database.asUser(verified, (sql) => updateVideo(sql, id, changes));
    return c.json(toVideo(row, await signThumbnails(deps.objects, [row])), 200);
  });
}

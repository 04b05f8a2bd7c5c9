import { createRoute } from "../../../../shared/http/contract.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { videoParamsSchema, videoSchema } from "../schemas.ts";
import { getVideo } from "../store.ts";
import { signThumbnails } from "../../../../shared/storage/sign-thumbnails.ts";
import { toVideo } from "../videos.ts";

const route = createRoute({
  method: "get",
  path: "/{id}",
  operationId: "getVideo",
  summary: "Read one video",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: videoParamsSchema },
  responses: {
    200: { description: "The video", content: { "application/json": { schema: videoSchema } } },
    ...problemResponse,
  },
});

export function registerGetVideo(app: App): void {
  app.openapi(route, async (c) => {
    const { deps, verified } = c.var;
    const { id } = c.req.valid("param");
    const row = await deps.database.asUser(verified, (sql) => getVideo(sql, id));
    return c.json(toVideo(row, await signThumbnails(deps.objects, [row])), 200);
  });
}

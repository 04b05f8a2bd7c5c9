import * as z from "zod";
import { later } from "../../../../shared/later.ts";
import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { removeStaleObjects } from "../../../../shared/indexing/stale-objects.ts";
import { limitAhead } from "../../../../shared/http/rate-limit.ts";
import { readLargeBody } from "../../../../shared/http/read-body.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { maxCaptionBytes, parseCaptions, readCaptionFormat } from "../captions.ts";
import { captionsQuerySchema, videoParamsSchema, videoSchema } from "../schemas.ts";
import { setCaptions } from "../store.ts";
import { signThumbnails } from "../../../../shared/storage/sign-thumbnails.ts";
import { toVideo } from "../videos.ts";

const fileSchema = later(() =>
  z.string().openapi({ description: "The caption file, UTF-8, at most 5 MiB" })
);

const route = createRoute({
  method: "put",
  path: "/{id}/captions",
  operationId: "putCaptions",
  summary: "Replace the scenes of a video by the cues of a caption file",
  tags: ["videos"],
  security: [{ bearer: [] }],
  middleware: [
    audited("video.captioned", { resource: "video" }),
    requireUser(),
    // Before the file is parsed: the largest takes most of a second.
    limitAhead("write"),
    readLargeBody(maxCaptionBytes),
  ] as const,
  request: {
    params: videoParamsSchema,
    query: captionsQuerySchema,
    body: {
      required: true,
      content: {
        "text/vtt": { schema: fileSchema },
        "application/x-subrip": { schema: fileSchema },
      },
    },
  },
  responses: {
    200: {
      description: "The video, now indexed",
      content: { "application/json": { schema: videoSchema } },
    },
    ...problemResponse,
  },
});

export function registerPutCaptions(app: App): void {
  app.openapi(route, async (c) => {
    const { deps, verified } = c.var;
    const { id: videoId } = c.req.valid("param");
    const { language } = c.req.valid("query");
    const format = readCaptionFormat(c.req.header("content-type"));
    const scenes = await parseCaptions(new Uint8Array(await c.req.arrayBuffer()), format);
    const row = await deps.database.asUser(
      verified,
      (sql) => setCaptions(sql, { videoId, scenes, language }),
    );
    deps.waitUntil(removeStaleObjects(deps, { videoId }));
    return c.json(toVideo(row, await signThumbnails(deps.objects, [row])), 200);
  });
}

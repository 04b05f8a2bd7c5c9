import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { leftToRoute } from "../../../shared/http/read-body.ts";
import { registerClaimJob } from "./routes/claim-job.ts";
import { registerCompleteJob } from "./routes/complete-job.ts";
import { registerCompleteUpload } from "./routes/complete-upload.ts";
import { registerCreateJobUploads } from "./routes/create-job-uploads.ts";
import { registerDeleteVideo } from "./routes/delete-video.ts";
import { registerFailJob } from "./routes/fail-job.ts";
import { registerGetVideo } from "./routes/get-video.ts";
import { registerGetVideoStatus } from "./routes/get-video-status.ts";
import { registerInitUpload } from "./routes/init-upload.ts";
import { registerListScenes } from "./routes/list-scenes.ts";
import { registerListVideos } from "./routes/list-videos.ts";
import { registerProgressJob } from "./routes/progress-job.ts";
import { registerPutCaptions } from "./routes/put-captions.ts";
import { registerPutScenes } from "./routes/put-scenes.ts";
import { registerUpdateVideo } from "./routes/update-video.ts";

/** Last words of the paths that take megabytes, from callers they know alone. */
const largeBodies: ReadonlySet<string> = new Set(["captions", "scenes"]);

export function createApp(deps: Deps): App {
  const app = createBaseApp("videos", deps, {
    maxBodyBytes: (path) => largeBodies.has(path.split("/").at(-1) ?? "") ? leftToRoute : undefined,
  });
  registerInitUpload(app);
  registerCompleteUpload(app);
  registerListVideos(app);
  registerGetVideo(app);
  registerGetVideoStatus(app);
  registerListScenes(app);
  registerUpdateVideo(app);
  registerDeleteVideo(app);
  registerPutCaptions(app);
  registerClaimJob(app);
  registerProgressJob(app);
  registerCompleteJob(app);
  registerFailJob(app);
  registerCreateJobUploads(app);
  registerPutScenes(app);
  return app;
}

import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { maxCaptionBytes } from "./captions.ts";
import { registerCompleteUpload } from "./routes/complete-upload.ts";
import { registerDeleteVideo } from "./routes/delete-video.ts";
import { registerGetVideo } from "./routes/get-video.ts";
import { registerGetVideoStatus } from "./routes/get-video-status.ts";
import { registerInitUpload } from "./routes/init-upload.ts";
import { registerListScenes } from "./routes/list-scenes.ts";
import { registerListVideos } from "./routes/list-videos.ts";
import { registerPutCaptions } from "./routes/put-captions.ts";
import { registerUpdateVideo } from "./routes/update-video.ts";

export function createApp(deps: Deps): App {
  const app = createBaseApp("videos", deps, {
    maxBodyBytes: (path) => path.endsWith("/captions") ? maxCaptionBytes : undefined,
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
  return app;
}

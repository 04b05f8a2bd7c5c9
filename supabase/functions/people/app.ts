import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { registerCompletePhoto } from "./routes/complete-photo.ts";
import { registerCreatePerson } from "./routes/create-person.ts";
import { registerCreatePhoto } from "./routes/create-photo.ts";
import { registerDeletePerson } from "./routes/delete-person.ts";
import { registerGetPerson } from "./routes/get-person.ts";
import { registerListPeople } from "./routes/list-people.ts";
import { registerListPersonScenes } from "./routes/list-person-scenes.ts";
import { registerMergePeople } from "./routes/merge-people.ts";
import { registerPutFaceVector } from "./routes/put-face-vector.ts";
import { registerRenamePerson } from "./routes/rename-person.ts";

export function createApp(deps: Deps): App {
  const app = createBaseApp("people", deps);
  registerListPeople(app);
  registerCreatePerson(app);
  registerGetPerson(app);
  registerRenamePerson(app);
  registerDeletePerson(app);
  registerCreatePhoto(app);
  registerCompletePhoto(app);
  registerMergePeople(app);
  registerListPersonScenes(app);
  registerPutFaceVector(app);
  return app;
}

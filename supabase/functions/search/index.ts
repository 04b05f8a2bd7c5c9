import { processEnv, readEnv } from "../../../shared/env.ts";
import { createDeps } from "../../../shared/http/deps.ts";
import { createApp } from "./app.ts";

Deno.serve(createApp(createDeps(readEnv(processEnv()))).fetch);

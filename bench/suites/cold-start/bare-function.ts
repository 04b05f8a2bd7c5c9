import { Hono } from "hono";

const app = new Hono();
app.get("/", (c) => c.json({ ok: true }));
Deno.serve(app.fetch);

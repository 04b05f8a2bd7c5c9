import { createRoute } from "@hono/zod-openapi";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireUser } from "../../../../shared/http/require-user.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { removeObjects } from "../../../../shared/storage/remove-objects.ts";
import { personParamsSchema } from "../schemas.ts";
import { beginPersonDeletion, finishPersonDeletion } from "../store.ts";

const route = createRoute({
  method: "delete",
  path: "/{id}",
  operationId: "deletePerson",
  tags: ["people"],
  summary: "Delete a person with all photos and links to scenes",
  security: [{ bearer: [] }],
  middleware: [requireUser()] as const,
  request: { params: personParamsSchema },
  responses: { 204: { description: "The person is gone" }, ...problemResponse },
});

export function registerDeletePerson(app: App): void {
  app.openapi(route, async (c) => {
    const { database, objects } = c.var.deps;
    const { id } = c.req.valid("param");
    const keys = await database.asUser(c.var.verified, (sql) => beginPersonDeletion(sql, id));
    await removeObjects(objects, keys);
    await database.asUser(c.var.verified, (sql) => finishPersonDeletion(sql, id));
    return c.body(null, 204);
  });
}

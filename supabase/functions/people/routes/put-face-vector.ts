import { createRoute } from "../../../../shared/http/contract.ts";
import { audited } from "../../../../shared/audit/audited.ts";
import type { App } from "../../../../shared/http/base-app.ts";
import { requireWorker } from "../../../../shared/http/require-worker.ts";
import { problemResponse } from "../../../../shared/http/schemas.ts";
import { setFaceVector } from "../face-vectors.ts";
import { faceVectorSchema, personParamsSchema } from "../schemas.ts";

const route = createRoute({
  method: "put",
  path: "/{id}/face-vector",
  operationId: "putFaceVector",
  tags: ["people"],
  summary: "Set the vector by which a person is recognised",
  security: [{ worker: [] }],
  middleware: [
    audited("person.face_enrolled", { resource: "person", actor: "worker" }),
    requireWorker(),
  ] as const,
  request: {
    params: personParamsSchema,
    body: { required: true, content: { "application/json": { schema: faceVectorSchema } } },
  },
  responses: { 204: { description: "The vector is kept" }, ...problemResponse },
});

export function registerPutFaceVector(app: App): void {
  app.openapi(route, async (c) => {
    const { vector } = c.req.valid("json");
    await setFaceVector(c.var.deps, c.req.valid("param").id, vector);
    return c.body(null, 204);
  });
}

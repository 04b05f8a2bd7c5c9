import { z } from "@hono/zod-openapi";
import { userEventTypes } from "../../../shared/events/schemas.ts";
import { uuidSchema } from "../../../shared/http/schemas.ts";

export const eventReceiptSchema = z.object({
  event_id: z.string().openapi({ example: "msg_2f9c" }),
  type: z.enum(userEventTypes),
  user_id: uuidSchema,
  outcome: z.enum(["erased", "acknowledged"]),
}).openapi("EventReceipt");

export const drainResultSchema = z.object({
  claimed: z.int().min(0),
  delivered: z.int().min(0),
  failed: z.int().min(0),
}).openapi("DrainResult");

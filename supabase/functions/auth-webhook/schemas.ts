import * as z from "zod";
import { later } from "../../../shared/later.ts";
import { erasureStates } from "../../../shared/erasure/erasure.ts";
import { userEventTypes } from "../../../shared/events/schemas.ts";
import { uuidSchema } from "../../../shared/http/schemas.ts";

export const eventAnswerSchema = later(() =>
  z.object({
    status: z.literal("ok"),
    event_id: z.string().openapi({ example: "msg_2f9c" }),
    type: z.enum(userEventTypes),
    erasure_id: uuidSchema.nullable(),
    state: z.enum(erasureStates).nullable().openapi({ example: "provisional" }),
  }).openapi("EventAnswer")
);

export type EventAnswer = z.infer<typeof eventAnswerSchema>;

const count = later(() => z.int().min(0));

export const drainResultSchema = later(() =>
  z.object({
    claimed: count,
    delivered: count,
    failed: count,
    erasures: z.object({ ran: count, provisional: count, final: count, failed: count }),
    exports: z.object({
      completed: count,
      paused: count,
      retried: count,
      failed: count,
      cancelled: count,
      lost: count,
      removed: count,
    }),
  }).openapi("DrainResult")
);

import { erasureId, mina } from "./story.ts";
import type { FunctionExamples } from "./types.ts";

export const authWebhook: FunctionExamples = {
  receiveEvent: {
    request: {
      type: "user.deleted",
      timestamp: "2026-11-22T12:00:00.000Z",
      data: { user_id: mina },
    },
    responses: {
      200: {
        status: "ok",
        event_id: "msg_2f9c",
        type: "user.deleted",
        erasure_id: erasureId,
        state: "provisional",
      },
    },
    problems: [
      "event_unknown",
      "user_not_found",
      "user_still_exists",
      "idempotency_conflict",
      "delivery_in_progress",
    ],
  },
  drainEvents: {
    responses: {
      200: {
        claimed: 1,
        delivered: 1,
        failed: 0,
        erasures: { ran: 1, provisional: 1, final: 0, failed: 0 },
        exports: {
          completed: 0,
          paused: 0,
          retried: 0,
          failed: 0,
          cancelled: 0,
          lost: 0,
          removed: 0,
        },
      },
    },
  },
};

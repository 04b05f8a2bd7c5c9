import * as z from "zod";
import { later } from "../later.ts";
import { AppError } from "../errors/app-error.ts";

/** The events this project understands; a soft deletion counts as user.deleted. */
export const userEventTypes = ["user.deleted", "user.updated"] as const;

/** One of `userEventTypes`. */
export type UserEventType = typeof userEventTypes[number];

/** A change to one user, whatever the road it came by; `id` stays the same across redeliveries. */
export interface UserEvent {
  readonly id: string;
  readonly type: UserEventType;
  readonly userId: string;
  /** user.updated: names of the keys that changed, never their values. */
  readonly changed: readonly string[];
  /** user.updated: the onboarding was completed by this change. */
  readonly onboarded: boolean;
}

const maxChangedKeys = 50;

/** What a user.updated says besides whom it is about; the outbox keeps the same members. */
export const changesSchema = later(() =>
  z.object({
    changed: z.array(
      z.string().regex(
        /^[a-z_]{1,40}(\.[a-z_]{1,40})?$/,
        "Name a key such as user_metadata.industry",
      ),
    ).max(maxChangedKeys).optional(),
    onboarded: z.boolean().optional(),
  })
);

/**
 * Wire shape of POST /auth-webhook.
 *
 * Canonical: `{type, timestamp?, data: {user_id, changed?, onboarded?}}`, the payload form Standard
 * Webhooks recommends. Also taken: `{type, user: {id}}`, the form of the first integration. Exactly
 * one of `data` and `user` must be there, so that one request never names two users. Unknown keys
 * are dropped.
 */
export const eventBodySchema = later(() =>
  z.object({
    type: z.string().min(1).max(127).openapi({ example: "user.deleted" }),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    data: changesSchema.extend({ user_id: z.guid() }).optional(),
    user: z.object({ id: z.guid() }).optional(),
  }).refine((body) => (body.data === undefined) !== (body.user === undefined), {
    path: ["data"],
    message: "Send either data.user_id or user.id",
  }).openapi("UserEvent")
);

/** Parsed form of `eventBodySchema`. */
export type EventBody = z.infer<typeof eventBodySchema>;

/**
 * Turns a checked body into a UserEvent.
 * Shape: `id` is the webhook-id of the request; the user id comes back in lower case, as the
 * database writes it.
 * @throws AppError event_unknown for a type outside `userEventTypes`
 */
export function toUserEvent(id: string, body: EventBody): UserEvent {
  const type = userEventTypes.find((known) => known === body.type);
  if (!type) {
    throw new AppError(
      "event_unknown",
      `The event type is not one of ${userEventTypes.join(", ")}: remove it from the subscription`,
    );
  }
  const userId = body.data?.user_id ?? body.user?.id;
  if (!userId) throw new AppError("validation_failed", "Send either data.user_id or user.id");
  return {
    id,
    type,
    userId: userId.toLowerCase(),
    changed: body.data?.changed ?? [],
    onboarded: body.data?.onboarded ?? false,
  };
}

import * as z from "zod";
import { later } from "../../../shared/later.ts";
import {
  consentTextVersionSchema,
  displayNameSchema,
  industrySchema,
  jobTitleSchema,
  profileSchema,
} from "../../../shared/auth/profile.ts";
import { erasureStates } from "../../../shared/erasure/erasure.ts";
import { isStorable, problemResponse, uuidSchema } from "../../../shared/http/schemas.ts";

const email = later(() =>
  z.string("Expected an e-mail address").trim().toLowerCase().max(255)
    .pipe(z.email("Expected an e-mail address"))
    .openapi({ type: "string", format: "email", example: "mina@example.com" })
);

/** Supabase Auth hashes with bcrypt, which reads no more than 72 bytes. */
const newPassword = later(() =>
  z.string("Expected a password").min(1, "Expected a password")
    .refine(
      (value) => new TextEncoder().encode(value).length <= 72,
      "Expected at most 72 bytes",
    ).openapi({ example: "correct horse battery staple" })
);

const secretText = (what: string) =>
  z.string(`Expected ${what}`).min(1, `Expected ${what}`).max(1024, "Expected a shorter text");

/** What Supabase Auth looks up in its tables. */
const lookupText = (what: string) => secretText(what).refine(isStorable, `Expected ${what}`);

/** Where the link in the mail leads; Supabase Auth only follows addresses of its allow list. */
const redirectTo = later(() =>
  z.string().max(2048)
    .regex(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/\S+$/, "Expected an absolute address")
    .refine(isStorable, "Expected an absolute address")
    .openapi({ example: "https://app.example.com/welcome" })
);

export const registerBodySchema = later(() =>
  z.strictObject({
    email,
    password: newPassword,
    display_name: displayNameSchema.optional(),
    redirect_to: redirectTo.optional(),
  }).openapi("Registration")
);

export const loginBodySchema = later(() =>
  z.strictObject({
    email,
    password: secretText("a password").openapi({ example: "correct horse battery staple" }),
  }).openapi("Credentials")
);

export const refreshBodySchema = later(() =>
  z.strictObject({
    refresh_token: lookupText("a refresh token").openapi({ example: "v1a2b3c4d5e6" }),
  }).openapi("RefreshRequest")
);

export const logoutBodySchema = later(() =>
  z.strictObject({
    scope: z.enum(["global", "local", "others"]).optional().openapi({
      description: "global: all sessions (the default); local: this one; others: all but this one",
      example: "local",
    }),
  }).openapi("LogoutRequest")
);

export const mailBodySchema = later(() =>
  z.strictObject({
    email,
    redirect_to: redirectTo.optional(),
  }).openapi("MailRequest")
);

export const passwordBodySchema = later(() =>
  z.strictObject({
    password: newPassword,
    current_password: secretText("the present password").optional(),
    nonce: lookupText("a code").optional().openapi({
      description: "The code of a reauthentication mail, for sessions older than 24 hours",
      example: "123456",
    }),
  }).openapi("PasswordChange")
);

export const verifyBodySchema = later(() =>
  z.strictObject({
    type: z.enum(["signup", "email", "magiclink", "recovery", "invite", "email_change"])
      .openapi({ example: "signup" }),
    token_hash: lookupText("the token_hash of the link").optional()
      .openapi({ example: "8d7b1f0e6a" }),
    email: email.optional(),
    token: lookupText("the code of the mail").optional().openapi({ example: "123456" }),
  }).superRefine(({ token_hash, email, token }, ctx) => {
    if (token_hash !== undefined && (email !== undefined || token !== undefined)) {
      ctx.addIssue({
        code: "custom",
        path: ["token_hash"],
        message: "Send either token_hash or email and token",
      });
    }
    if (token_hash !== undefined) return;
    if (email === undefined) {
      ctx.addIssue({
        code: "custom",
        path: ["email"],
        message: "Send email and token, or token_hash",
      });
    }
    if (token === undefined) {
      ctx.addIssue({
        code: "custom",
        path: ["token"],
        message: "Send email and token, or token_hash",
      });
    }
  }).openapi("Verification")
);

export const onboardingBodySchema = later(() =>
  z.strictObject({
    industry: industrySchema,
    job_title: jobTitleSchema,
    email_consent: z.boolean("Expected true or false"),
    display_name: displayNameSchema.optional(),
    consent_text_version: consentTextVersionSchema.optional(),
  }).openapi("Onboarding")
);

/** A session with the fresh profile. `expires_in` is in seconds. */
export const sessionSchema = later(() =>
  z.object({
    access_token: z.string(),
    token_type: z.literal("bearer"),
    expires_in: z.int().openapi({ example: 3600 }),
    refresh_token: z.string(),
    user: profileSchema,
  }).openapi("Session")
);

/** An answer that is the same whether or not an address is known. */
export const messageSchema = later(() =>
  z.object({
    message: z.string().openapi({
      example: "If an account with this address exists, a mail with a sign-in link is on its way",
    }),
  }).openapi("Message")
);

/** What the routes that send a mail take and answer. */
export const mailExchange = {
  description: "Answers the same for known and unknown addresses.",
  request: {
    body: { required: true, content: { "application/json": { schema: mailBodySchema } } },
  },
  responses: {
    202: {
      description: "A mail is on its way if the address is known",
      content: { "application/json": { schema: messageSchema } },
    },
    ...problemResponse,
  },
} as const;

export const deletionBodySchema = later(() =>
  z.strictObject({
    password: secretText("the password").optional().openapi({
      description: "Asked for in a session that was opened with the password",
      example: "correct horse battery staple",
    }),
    effective_at: z.iso.datetime({
      offset: true,
      error: "Expected an ISO 8601 time with an offset",
    })
      .optional().openapi({
        description: "When the account goes, at most 30 days ahead; until then it can be cancelled",
        example: "2026-12-01T09:00:00Z",
      }),
    immediate: z.boolean("Expected true or false").optional().openapi({
      description: "True says the same as leaving effective_at out",
    }),
  }).openapi("AccountDeletion")
);

const time = later(() => z.iso.datetime().openapi({ example: "2026-11-22T09:00:00.000Z" }));

const erasureState = later(() =>
  z.enum(erasureStates).openapi({
    description:
      "scheduled waits for its time; held and dead wait for an operator; provisional is " +
      "erased and waits for the sweep of late uploads; final is proven",
  })
);

export const deletionTicketSchema = later(() =>
  z.object({
    erasure_id: uuidSchema,
    state: erasureState,
    effective_at: time,
    status_token: z.string().openapi({
      description: "Shown this once: keep it to ask for the status after the account is gone",
      example: "erasure_zq3fJrXc0mD4bE8sT1uV6wY9aKpLhNgRiOeQxCdFvBs",
    }),
  }).openapi("DeletionTicket")
);

const countsSchema = later(() =>
  z.object({
    tables: z.record(z.string(), z.int()),
    buckets: z.record(z.string(), z.object({ objects: z.int(), bytes: z.int() })),
  }).openapi("ErasureCounts")
);

export const erasureStatusSchema = later(() =>
  z.object({
    erasure_id: uuidSchema,
    state: erasureState,
    requested_at: time,
    effective_at: time,
    provisional_at: time.nullable(),
    late_sweep_at: time.nullable(),
    finished_at: time.nullable(),
    counts: z.object({ before: countsSchema, after: countsSchema.nullable() }).optional(),
    receipt: z.string().optional().openapi({
      description: "The newest receipt, canonical JSON as it was signed",
    }),
  }).openapi("ErasureStatus")
);

const held = later(() =>
  z.object({
    count: z.int().openapi({ example: 12 }),
    bytes: z.int().openapi({ example: 734003200 }),
  })
);

export const erasurePreviewSchema = later(() =>
  z.object({
    videos: held,
    scenes: held.pick({ count: true }),
    people: held.pick({ count: true }),
    photos: held,
    files: z.record(z.string(), held).openapi({ description: "What goes, by bucket" }),
    tables: z.record(z.string(), z.int()).openapi({
      description: "Rows that name the user, by table; those of organizations lose the name",
    }),
    organization_videos: held.openapi({ description: "Stay with their organizations" }),
    blocked_by: z.array(z.object({
      code: z.literal("last_admin"),
      organization_id: uuidSchema,
      name: z.string(),
      members: z.int().openapi({ description: "Members besides the caller" }),
    })),
    confirmation: z.enum(["password", "sign_in", "none"]).openapi({
      description:
        "What this session has to show: the password, or a sign-in of the last 5 minutes",
    }),
    second_factor_required: z.boolean(),
  }).openapi("ErasurePreview")
);

export type RegisterBody = z.infer<typeof registerBodySchema>;
export type MailBody = z.infer<typeof mailBodySchema>;
export type VerifyBody = z.infer<typeof verifyBodySchema>;
export type OnboardingBody = z.infer<typeof onboardingBodySchema>;
export type SessionBody = z.infer<typeof sessionSchema>;
export type DeletionTicketBody = z.infer<typeof deletionTicketSchema>;
export type ErasureStatusBody = z.infer<typeof erasureStatusSchema>;
export type ErasurePreviewBody = z.infer<typeof erasurePreviewSchema>;

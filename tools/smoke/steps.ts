import { Device, operatorClient, type Project } from "../../demo/device.ts";
import { check, expectRefusal, unwrap, waitFor } from "../../demo/expect.ts";

/** A deployment to try, and the key that makes the user it is tried with. */
export interface SmokeTarget extends Project {
  secretKey: string;
  /** Milliseconds to wait for the erasure: pg_cron calls the drain once a minute. */
  erasureTimeoutMs: number;
}

/** One thing that has to go through before the next is tried. */
export interface SmokeStep {
  title: string;
  run(): Promise<void>;
}

const captions = "WEBVTT\n\n00:00.000 --> 00:02.000\nA lighthouse in the fog\n";
const file = new Blob([new Uint8Array(4096)], { type: "video/mp4" });

/**
 * The shortest way through every function of a deployment, as a user of its own whom the last step
 * deletes. `cleanUp` removes that user when a step failed before.
 */
export function planSmoke(target: SmokeTarget): {
  steps: SmokeStep[];
  cleanUp(): Promise<void>;
} {
  const operator = operatorClient(target.url, target.secretKey);
  const device = new Device(target);
  const email = `smoke-${crypto.randomUUID()}@example.com`;
  const password = crypto.randomUUID();
  let userId: string | undefined;
  let video: { video_id: string; bucket: string; path: string; token: string };
  const steps: SmokeStep[] = [
    {
      title: "me refuses a request without a token, as a problem document",
      run: async () => {
        await expectRefusal(device.invoke("me", { method: "GET" }), 401, "token_missing");
      },
    },
    {
      title: "a user is made and logs in through auth-onboarding",
      run: async () => {
        const options = { email, password, email_confirm: true };
        userId = (await unwrap(operator.auth.admin.createUser(options))).user?.id;
        const session = await device.invoke<{ access_token: string; refresh_token: string }>(
          "auth-onboarding/login",
          { body: { email, password } },
        );
        await unwrap(device.supabase.auth.setSession(session));
      },
    },
    {
      title: "me knows the user, and the token hook runs",
      run: async () => {
        const me = await device.invoke<{ id: string; email_verified: boolean }>("me", {
          method: "GET",
        });
        check(me.id === userId, "me answered somebody else");
        check(me.email_verified, "The token says nothing of the address: turn on the token hook");
      },
    },
    {
      title: "videos takes a file through a signed URL",
      run: async () => {
        const body = { filename: "smoke.mp4", mime_type: "video/mp4", size_bytes: file.size };
        video = await device.invoke("videos/upload/init", { body });
        const bucket = device.supabase.storage.from(video.bucket);
        await unwrap(bucket.uploadToSignedUrl(video.path, video.token, file));
        await device.invoke("videos/upload/complete", { body: { video_id: video.video_id } });
      },
    },
    {
      title: "people keeps a name",
      run: async () => {
        await device.invoke("people", { body: { name: "Smoke" } });
      },
    },
    {
      title: "search finds a word of the captions",
      run: async () => {
        await device.invoke(`videos/${video.video_id}/captions?language=en`, {
          method: "PUT",
          body: captions,
          headers: { "content-type": "text/vtt" },
        });
        const { results } = await device.invoke<{ results: { video_id: string }[] }>(
          "search?q=lighthouse",
          { method: "GET" },
        );
        check(results[0]?.video_id === video.video_id, "The search did not find the scene");
      },
    },
    {
      title: "the account is deleted, and the drain erases it",
      run: async () => {
        const { status_token } = await device.invoke<{ status_token: string }>(
          "auth-onboarding/account",
          { method: "DELETE", body: { password } },
        );
        await waitFor("The erasure", async () => {
          const { state } = await new Device(target).invoke<{ state: string }>(
            "auth-onboarding/account/erasure",
            { method: "GET", headers: { authorization: `Bearer ${status_token}` } },
          );
          return state === "provisional" || state === "final" ? state : undefined;
        }, target.erasureTimeoutMs);
        userId = undefined;
      },
    },
  ];
  return {
    steps,
    cleanUp: async () => {
      if (!userId) return;
      const { error } = await operator.auth.admin.deleteUser(userId);
      // An account whose deletion the drain did not end has left Supabase Auth before.
      if (error && error.code !== "user_not_found") {
        throw new Error(`The user ${email} stays, delete it in the dashboard: ${error.message}`);
      }
    },
  };
}

import { type App, createBaseApp } from "../../../shared/http/base-app.ts";
import type { Deps } from "../../../shared/http/deps.ts";
import { registerCancelErasure } from "./routes/cancel-erasure.ts";
import { registerDeleteAccount } from "./routes/delete-account.ts";
import { registerGetErasure } from "./routes/get-erasure.ts";
import { registerGetErasurePreview } from "./routes/get-erasure-preview.ts";
import { registerLogin } from "./routes/login.ts";
import { registerLogout } from "./routes/logout.ts";
import { registerCompleteOnboarding } from "./routes/complete-onboarding.ts";
import { registerRefresh } from "./routes/refresh.ts";
import { registerRegister } from "./routes/register.ts";
import { registerSendMagicLink } from "./routes/send-magic-link.ts";
import { registerSendPasswordReset } from "./routes/send-password-reset.ts";
import { registerUpdatePassword } from "./routes/update-password.ts";
import { registerVerify } from "./routes/verify.ts";

/** Addresses, a password and a few short texts. */
const maxBodyBytes = 16_384;

export function createApp(deps: Deps): App {
  const app = createBaseApp("auth-onboarding", deps, { maxBodyBytes: () => maxBodyBytes });
  registerRegister(app);
  registerLogin(app);
  registerRefresh(app);
  registerLogout(app);
  registerSendPasswordReset(app);
  registerUpdatePassword(app);
  registerSendMagicLink(app);
  registerVerify(app);
  registerCompleteOnboarding(app);
  registerGetErasurePreview(app);
  registerDeleteAccount(app);
  registerGetErasure(app);
  registerCancelErasure(app);
  return app;
}

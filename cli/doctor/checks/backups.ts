import { z } from "zod";
import { type Check, found, notChecked } from "../check.ts";

const schema = z.looseObject({
  pitr_enabled: z.boolean().optional(),
  backups: z.array(z.looseObject({ status: z.string(), inserted_at: z.string() })).default([]),
});

const mostHours = 36;

export const backups: Check = {
  id: "backups",
  looks: "the newest backup of a hosted project (with SUPABASE_ACCESS_TOKEN)",
  why: "Without a recent backup the data is one mistake away from being gone; and erased data " +
    "lives in backups until they end, which the privacy notice has to say",
  mend:
    "Look at Database, Backups in the dashboard; plans without backups need a dump of their own. " +
    "After a restore run heimdex erasure reapply",
  async run({ stage, env, manage, now }) {
    if (stage !== "hosted") return notChecked("Only the hosted platform makes backups");
    if (!env.SUPABASE_ACCESS_TOKEN) {
      return notChecked("It needs SUPABASE_ACCESS_TOKEN, a personal access token");
    }
    const answer = await manage("/database/backups");
    if (!answer) return notChecked("SUPABASE_URL is no address of a hosted project");
    const parsed = schema.safeParse(answer.body);
    if (answer.status !== 200 || !parsed.success) {
      return notChecked(`The management API answered ${answer.status}`);
    }
    if (parsed.data.pitr_enabled) return found([]);
    const times = parsed.data.backups.filter(({ status }) => status === "COMPLETED")
      .map(({ inserted_at: at }) => Date.parse(at)).filter((time) => !Number.isNaN(time));
    if (times.length === 0) return found(["The project has no complete backup"]);
    const hours = Math.floor((now().getTime() - Math.max(...times)) / 3_600_000);
    return found(hours > mostHours ? [`The newest backup is ${hours} hours old`] : []);
  },
};

import { type Check, found, notChecked } from "../check.ts";

export const dataApi: Check = {
  id: "data-api",
  looks: "the Data API as everybody on the internet and as the server sees it",
  why:
    "The schema private holds functions with the rights of their owner; exposed, a client calls " +
    "them past the edge functions",
  mend: 'Take "private" out of the exposed schemas (Settings, Data API, or schemas in ' +
    "supabase/config.toml), and revoke what anon may read",
  async run({ call, settings }) {
    if (!settings) return notChecked("The settings of the functions are not complete here");
    const closed = await call("/rest/v1/auth_events?limit=0", {
      headers: { apikey: settings.secretKey, "accept-profile": "private" },
    });
    const open = await call("/rest/v1/videos?limit=1", {
      headers: { apikey: settings.publishableKey },
    });
    return found([
      ...closed.status === 406 ? [] : [`The schema private is exposed (answer ${closed.status})`],
      ...open.status < 400 ? ["Everybody may read public.videos with the publishable key"] : [],
    ]);
  },
};

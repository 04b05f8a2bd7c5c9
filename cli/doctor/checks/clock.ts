import { type Check, found } from "../check.ts";

/** Tokens are accepted this long before and after their times; a bit less is still a warning in time. */
const toleratedSeconds = 5;

export const clock: Check = {
  id: "clock",
  looks: "the clocks of this machine, of the database and of Supabase Auth against each other",
  why:
    "A token is refused before its time by a clock that is behind, and accepted after it by one " +
    "that is ahead; signed requests are refused beyond five minutes",
  mend: "Let the machine whose clock differs take its time from the network (NTP)",
  async run({ now, read, call }) {
    const asked = now().getTime();
    const [row] = await read((sql) => sql<[{ at: Date }]>`select clock_timestamp() as at`);
    const told = now().getTime();
    // The platform keeps an answer for minutes, with its date; an address of its own is asked anew.
    const { headers } = await call(`/auth/v1/.well-known/jwks.json?asked=${asked}`);
    const answered = now().getTime();
    const date = Date.parse(headers.get("date") ?? "");
    return found([
      ...compare("the database", row.at.getTime(), asked, told),
      // The header has whole seconds, cut off.
      ...Number.isNaN(date) ? [] : compare("Supabase Auth", date, told - 1000, answered),
    ]);
  },
};

/** `earliest` and `latest`: when this machine asked and when it had the answer, in ms. */
function compare(whose: string, at: number, earliest: number, latest: number): string[] {
  const off = at < earliest ? at - earliest : at > latest ? at - latest : 0;
  const seconds = Math.round(Math.abs(off) / 1000);
  if (seconds <= toleratedSeconds) return [];
  return [
    `The clock of ${whose} is ${seconds} s ${off > 0 ? "ahead of" : "behind"} this machine's`,
  ];
}

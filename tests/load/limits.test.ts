import { expect, test } from "vitest";
import { callLimits } from "../../shared/limits/limits.ts";
import { testSize } from "../support/size.ts";
import { useStack } from "../support/stack.ts";
import { createUser } from "../support/users.ts";
import { loadLimits } from "./limits.ts";

test("limits are exact to one over several processes", async () => {
  const { environment } = useStack();
  const user = await createUser();
  const logins = testSize({ sampled: 240, long: 10_000 });
  const processes = testSize({ sampled: 2, long: 4 });
  const results = await loadLimits({ environment, user }, { processes, logins, concurrency: 32 });
  const { ip, address } = callLimits.login;
  expect(results).toMatchObject([
    { letThrough: ip.max, refused: logins - ip.max, others: {} },
    { letThrough: address.max, refused: logins - address.max, others: {} },
  ]);
  for (const { byProcess } of results) expect(Math.min(...byProcess)).toBeGreaterThan(0);
});

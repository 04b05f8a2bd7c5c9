import type { Fault } from "./judge.ts";
import type { World } from "./world.ts";

interface Change {
  event: string;
  user_id: string;
  resource_id: string;
}

/**
 * Changes of somebody else's video or person that went through: the audit trail names who made
 * each, and the world knows whose it is. The two of one organisation may change what they share, and
 * when the trail is read nobody can tell any more what that was.
 */
export async function judgeTrail(world: World): Promise<Fault[]> {
  const changes = await world.sql<Change[]>`
    select distinct event_type as event, user_id, metadata ->> 'resource_id' as resource_id
    from public.audit_events
    where user_id = any(${[...world.indexes.keys()]}::uuid[])
      and metadata ->> 'outcome' = 'ok' and metadata ->> 'resource' in ('video', 'person')
      and metadata ->> 'resource_id' is not null`;
  const faults: Fault[] = [];
  for (const { event, user_id: id, resource_id: resource } of changes) {
    const owner = world.owners.get(resource);
    const by = world.indexes.get(id);
    if (owner === undefined || by === undefined || owner === by) continue;
    if (world.isShared(owner) && world.isShared(by)) continue;
    faults.push({ rule: "foreign rows changed", detail: `${event} of user ${owner} by ${id}` });
  }
  return faults;
}

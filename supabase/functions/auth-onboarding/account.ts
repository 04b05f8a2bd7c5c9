import type { DeletionTicket } from "../../../shared/erasure/account/delete-account.ts";
import type { ErasurePreview } from "../../../shared/erasure/account/preview-erasure.ts";
import type { ErasureRecord } from "../../../shared/erasure/account/store.ts";
import type { Counts } from "../../../shared/erasure/erasure.ts";
import type { DeletionTicketBody, ErasurePreviewBody, ErasureStatusBody } from "./schemas.ts";

export function toDeletionTicket(ticket: DeletionTicket): DeletionTicketBody {
  return {
    erasure_id: ticket.erasureId,
    state: ticket.state,
    effective_at: ticket.effectiveAt.toISOString(),
    status_token: ticket.statusToken,
  };
}

export function toErasureStatus(erasure: ErasureRecord): ErasureStatusBody {
  const { counts_before: before, counts_after: after, receipt } = erasure;
  return {
    erasure_id: erasure.erasure_id,
    state: erasure.state,
    requested_at: toTime(erasure.requested_at),
    effective_at: toTime(erasure.effective_at),
    provisional_at: toTimeOrNull(erasure.provisional_at),
    late_sweep_at: toTimeOrNull(erasure.late_sweep_at),
    finished_at: toTimeOrNull(erasure.finished_at),
    ...(before ? { counts: { before: toCounts(before), after: after && toCounts(after) } } : {}),
    ...(receipt === null ? {} : { receipt }),
  };
}

export function toErasurePreview(preview: ErasurePreview): ErasurePreviewBody {
  const { counts, videos, scenes, people, photos, organizationVideos } = preview;
  return {
    videos,
    scenes: { count: scenes },
    people: { count: people },
    photos,
    files: Object.fromEntries(
      Object.entries(counts.buckets).map(([name, { objects, bytes }]) => [
        name,
        { count: objects, bytes },
      ]),
    ),
    tables: { ...counts.tables },
    organization_videos: organizationVideos,
    blocked_by: preview.blockedBy.map((organization) => ({ code: "last_admin", ...organization })),
    confirmation: preview.confirmation,
    second_factor_required: preview.secondFactorRequired,
  };
}

function toCounts({ tables, buckets }: Counts) {
  return { tables: { ...tables }, buckets: { ...buckets } };
}

function toTime(value: string): string {
  return new Date(value).toISOString();
}

function toTimeOrNull(value: string | null): string | null {
  return value === null ? null : toTime(value);
}

import { readHighlights } from "../../../shared/search/highlights.ts";
import { formatTimecode } from "../../../shared/search/timecode.ts";
import type { SearchHit } from "./schemas.ts";
import type { HitRow } from "./store.ts";

/** A hit as it goes over the wire: fragments of the transcript first, then of the metadata. */
export function toHit(row: HitRow): SearchHit {
  const timecode = formatTimecode(row.start_s);
  const fragments = [
    ...readHighlights(row.marked_transcript),
    ...readHighlights(row.marked_metadata),
  ];
  return {
    scene_id: row.scene_id,
    video_id: row.video_id,
    video_title: row.video_title,
    start_s: row.start_s,
    end_s: row.end_s,
    timecode,
    transcript: row.transcript,
    highlights: fragments.map((text) => ({ text, start_s: row.start_s, timecode })),
    score: row.score,
  };
}

import { readHighlights } from "../../../shared/search/highlights.ts";
import { findNearWords, firstNearRank } from "../../../shared/search/near-words.ts";
import type { ParsedQuery } from "../../../shared/search/text-query.ts";
import { formatTimecode } from "../../../shared/search/timecode.ts";
import type { SearchHit } from "./schemas.ts";
import type { HitRow } from "./store.ts";

/** A hit as it goes over the wire: fragments of the transcript first, then of the metadata. */
export function toHit(
  row: HitRow,
  { text, explain }: { text: ParsedQuery | undefined; explain: boolean },
): SearchHit {
  const timecode = formatTimecode(row.start_s);
  const runs = text?.marks.runs ?? [];
  const fragments = [
    ...readHighlights(row.marked_transcript, runs),
    ...readHighlights(row.marked_metadata, isMisspelt(row) ? nearRuns(row, text) : runs),
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
    ...(explain ? { ranks: toRanks(row) } : {}),
  };
}

function isMisspelt({ metadata_rank: rank }: HitRow): boolean {
  return rank !== null && rank >= firstNearRank;
}

function nearRuns({ video_title: title }: HitRow, text: ParsedQuery | undefined): string[] {
  return findNearWords(title ?? "", text?.query?.text ?? "");
}

function toRanks(row: HitRow) {
  return {
    text: row.text_rank,
    metadata: row.metadata_rank,
    people: row.people_rank,
    vector: row.vector_rank,
  };
}

// Charts draw texts on a canvas, where no markup is read; what could reverse or break the line around it still has to be tamed.

import { clip, NOTHING } from '../format'
import type { Value } from '../api/types'

/** Controls and the marks that set a direction for all that follows them. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g

/** A label for an axis, a legend or a tooltip: one line, isolated, of bounded length. */
export function label(value: Value | undefined, longest = 40): string {
  if (value === null || value === undefined) return NOTHING
  const text = clip(String(value).replace(UNSEEN, ' '), longest)
  return text.trim() === '' ? '(blank)' : isolated(text)
}

/** First-strong isolate around texts that have a right-to-left letter: the numbers beside them stay where they are. */
function isolated(text: string): string {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(text) ? `\u2068${text}\u2069` : text
}

// The server's events, kept alive: a broken connection is opened again, slower each time, and what may have been missed in
// between is asked for anew.

export interface Heard {
  changed(panels: string[]): void
  reload(): void
  /** After a break: anything may have changed. */
  resumed(): void
  connected(yes: boolean): void
}

export interface Source {
  addEventListener(name: string, listener: (event: { data?: unknown }) => void): void
  close(): void
}

export interface Surroundings {
  open(address: string): Source
  later(run: () => void, milliseconds: number): number
  forget(timer: number): void
  random(): number
}

/** The server says `ping` each 15 s: three missed ones are a dead connection that nobody told us of. */
export const SILENCE = 45_000
export const FIRST_WAIT = 500
export const LONGEST_WAIT = 15_000

/** Each wait is twice the one before, spread so that fifty pages do not come back in the same moment. */
export function wait(attempt: number, random: number): number {
  const base = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt)
  return Math.round(base * (0.5 + random / 2))
}

export function listen(address: string, heard: Heard, around: Surroundings = browser): () => void {
  let source: Source | null = null
  let attempt = 0
  let broken = false
  let ended = false
  let watch: number | undefined
  let retry: number | undefined

  const awake = () => {
    if (watch !== undefined) around.forget(watch)
    watch = around.later(lost, SILENCE)
  }

  function lost() {
    if (ended) return
    source?.close()
    source = null
    if (watch !== undefined) around.forget(watch)
    if (retry !== undefined) around.forget(retry)
    broken = true
    heard.connected(false)
    retry = around.later(start, wait(attempt, around.random()))
    attempt += 1
  }

  function start() {
    if (ended) return
    const opened = around.open(address)
    source = opened
    // A source that was given up may still say its last words: they count for nothing.
    const mine = (run: (event: { data?: unknown }) => void) => (event: { data?: unknown }) => {
      if (source === opened && !ended) run(event)
    }
    opened.addEventListener(
      'open',
      mine(() => {
        attempt = 0
        awake()
        heard.connected(true)
        if (broken) heard.resumed()
        broken = false
      }),
    )
    opened.addEventListener('error', mine(lost))
    opened.addEventListener('ping', mine(awake))
    opened.addEventListener(
      'changed',
      mine((event) => {
        awake()
        const panels = panelsOf(event.data)
        if (panels.length > 0) heard.changed(panels)
      }),
    )
    opened.addEventListener(
      'reload',
      mine(() => {
        awake()
        heard.reload()
      }),
    )
    awake()
  }

  start()
  return () => {
    ended = true
    source?.close()
    if (watch !== undefined) around.forget(watch)
    if (retry !== undefined) around.forget(retry)
  }
}

export function panelsOf(data: unknown): string[] {
  try {
    const { panels } = JSON.parse(String(data)) as { panels?: unknown }
    return Array.isArray(panels) ? panels.map(String) : []
  } catch {
    return []
  }
}

const browser: Surroundings = {
  open: (address) => new EventSource(address, { withCredentials: true }) as unknown as Source,
  later: (run, milliseconds) => window.setTimeout(run, milliseconds),
  forget: (timer) => window.clearTimeout(timer),
  random: Math.random,
}

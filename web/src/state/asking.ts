// One panel's question and its answer. The old answer stays on show until the new one is there, so nothing flickers.

import { isCancelled } from '../api/client'

export interface Answer<T> {
  value: T | null
  error: Error | null
  loading: boolean
  /** It answers the same question as the one before: what differs has changed in the world. */
  renewed: boolean
}

export const NONE_YET = { value: null, error: null, loading: true, renewed: false } as const

/**
 * A new question cancels the one under way. News that the data changed do not: a panel that changes faster than it is
 * answered would never be answered at all, so it is asked once more when the answer is there.
 */
export class Asking<T> {
  #key: string | null = null
  #ask: ((signal: AbortSignal) => Promise<T>) | null = null
  #cancel: AbortController | null = null
  #stale = false
  #answered: string | null = null
  #answer: Answer<T> = { ...NONE_YET, loading: false }
  readonly #tell: (answer: Answer<T>) => void

  constructor(tell: (answer: Answer<T>) => void) {
    this.#tell = tell
  }

  /** `key` says what is asked: the same question is not asked twice. */
  put(key: string, ask: (signal: AbortSignal) => Promise<T>): void {
    this.#ask = ask
    if (this.#key === key) return
    this.#key = key
    void this.#run()
  }

  /** The data behind the answer changed, or it failed and should be tried again. */
  again(): void {
    if (this.#ask === null) return
    if (this.#cancel !== null) this.#stale = true
    else void this.#run()
  }

  end(): void {
    this.#cancel?.abort()
    this.#cancel = null
    this.#ask = null
    this.#key = null
  }

  async #run(): Promise<void> {
    const ask = this.#ask
    if (ask === null) return
    this.#cancel?.abort()
    const [key, cancel] = [this.#key, new AbortController()]
    this.#cancel = cancel
    this.#stale = false
    this.#say({ ...this.#answer, loading: true })
    let next: Answer<T>
    try {
      next = { value: await ask(cancel.signal), error: null, loading: false, renewed: this.#answered === key }
    } catch (error) {
      if (this.#cancel !== cancel || isCancelled(error)) return
      next = { ...this.#answer, error: error instanceof Error ? error : new Error(String(error)), loading: false }
    }
    if (this.#cancel !== cancel) return
    this.#cancel = null
    if (next.error === null) this.#answered = key
    this.#say(next)
    if (this.#stale) void this.#run()
  }

  #say(answer: Answer<T>): void {
    this.#answer = answer
    this.#tell(answer)
  }
}

// An answer that is kept current by asking again: for pages that no event is told of.

import { untrack } from 'svelte'
import { ApiError } from '../api/client'
import { Asking, NONE_YET, type Answer } from './asking'

export class Kept<T> {
  answer = $state.raw<Answer<T>>(NONE_YET)
  readonly #asking = new Asking<T>((next) => (this.answer = next))

  /**
   * Within a component. `key` says what is asked; `every` how many milliseconds after an answer it is asked again, null for
   * not at all. A page that nobody looks at does not ask.
   */
  constructor(key: () => string, ask: (signal: AbortSignal) => Promise<T>, every: (value: T | null) => number | null) {
    $effect(() => {
      const asked = key()
      untrack(() => this.#asking.put(asked, ask))
    })
    $effect(() => {
      const { value, error, loading } = this.answer
      if (loading) return
      const wait = error instanceof ApiError && error.status === 0 ? 4000 : every(value)
      if (wait === null) return
      const timer = setTimeout(() => !document.hidden && this.#asking.again(), wait)
      const seen = () => !document.hidden && this.#asking.again()
      document.addEventListener('visibilitychange', seen)
      return () => {
        clearTimeout(timer)
        document.removeEventListener('visibilitychange', seen)
      }
    })
    $effect(() => () => this.#asking.end())
  }

  get value(): T | null {
    return this.answer.value
  }

  /** Only where there is nothing to show instead. */
  get error(): Error | null {
    return this.answer.value === null ? this.answer.error : null
  }

  again(): void {
    this.#asking.again()
  }
}

// Answers that come close together are shown together: the page is laid out and painted once for all panels, not once for each.

/** Who is answered first waits no longer than this for the others. */
const WAIT = 50

export class Together {
  readonly #asked = new Set<object>()
  #shows = new Map<object, () => void>()
  #timer: ReturnType<typeof setTimeout> | null = null

  /** `who` is answered soon, and is shown by `put`. */
  asked(who: object): void {
    this.#asked.add(who)
    // What it had to show is out of date.
    this.#shows.delete(who)
  }

  put(who: object, show: () => void): void {
    this.#asked.delete(who)
    this.#shows.set(who, show)
    if (this.#asked.size === 0) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), WAIT)
  }

  /** It is not shown any more. */
  end(who: object): void {
    this.#asked.delete(who)
    this.#shows.delete(who)
    if (this.#asked.size === 0) this.#flush()
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const shows = this.#shows
    this.#shows = new Map()
    for (const show of shows.values()) show()
  }
}

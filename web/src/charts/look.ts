// The colours that charts are drawn with. They stand in the style sheet; a canvas cannot read it, so they are asked for here.

export interface Look {
  text: string
  muted: string
  faint: string
  line: string
  surface: string
  accent: string
  series: string[]
  /** From little to much. */
  scale: string[]
  /** Texts on the scale: on little, on some, on much. */
  ink: [string, string, string]
  still: boolean
  font: string
}

const SERIES = 8
const SCALE = 5

export function readLook(): Look {
  const probe = document.createElement('span')
  probe.hidden = true
  document.body.append(probe)
  // `light-dark()` is resolved only where it is used as a colour: hence the probe.
  const colour = (name: string) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const look: Look = {
    text: colour('--text'),
    muted: colour('--muted'),
    faint: colour('--faint'),
    line: colour('--line'),
    surface: colour('--surface'),
    accent: colour('--accent'),
    series: Array.from({ length: SERIES }, (_, index) => colour(`--series-${index + 1}`)),
    scale: Array.from({ length: SCALE }, (_, index) => colour(`--scale-${index + 1}`)),
    ink: [colour('--on-low'), colour('--on-middle'), colour('--on-high')],
    still: window.matchMedia('(prefers-reduced-motion: reduce)').matches,
    font: getComputedStyle(document.body).fontFamily,
  }
  probe.remove()
  return look
}

/** The same value has the same colour in every panel, and keeps it when a filter takes its neighbours away. */
export class Colours {
  readonly #places = new Map<string, Map<unknown, number>>()

  place(column: string, value: unknown): number {
    let values = this.#places.get(column)
    if (values === undefined) this.#places.set(column, (values = new Map()))
    let place = values.get(value)
    if (place === undefined) values.set(value, (place = values.size))
    return place
  }
}

export function seriesColour(look: Look, place: number): string {
  return look.series[place % look.series.length] ?? look.accent
}

/** Which of the three inks can be read at a place of the scale. */
export function inkAt(share: number): 0 | 1 | 2 {
  return share < 0.58 ? 0 : share < 0.78 ? 1 : 2
}

/** A colour between those of the scale, for cells that are no canvas. */
export function scaleAt(share: number): string {
  const at = Math.min(1, Math.max(0, share)) * (SCALE - 1)
  const low = Math.min(SCALE - 2, Math.floor(at))
  return `color-mix(in oklab, var(--scale-${low + 2}) ${Math.round((at - low) * 100)}%, var(--scale-${low + 1}))`
}

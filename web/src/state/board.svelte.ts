// One dashboard that is on show: what is selected in it, and which of its panels have news.

import { listen } from '../api/events'
import * as api from '../api/client'
import type { Bucket, ColumnType, Dashboard, Panel } from '../api/types'
import { Colours } from '../charts/look'
import type { Pick } from '../charts/picture'
import { clip } from '../format'
import { defaultsOf, typeOf } from './defaults'
import { page } from './page.svelte'
import { Together } from './together'
import { equal, forPanel, isIn, toggle, without, write, type Origins, type Selection, type Selections } from './selections'

export interface ColumnMeaning {
  label: string
  type: ColumnType
  bucket: Bucket | null
}

export class Board {
  readonly dashboard: Dashboard
  readonly entity: { column: string; key: string } | null
  readonly entities: ReadonlySet<string>
  readonly colours = new Colours()
  readonly together = new Together()
  connected = $state<boolean | null>(null)
  /** How often the data behind a panel changed since the page is open. */
  news = $state<Record<string, number>>({})
  #defaults = $state.raw<Selections | null>(null)

  /** null until it is known what holds by default: asking before that would ask everything twice. */
  readonly selections = $derived(page.route.selections ?? this.#defaults)
  readonly origins = $derived<Origins>(page.route.selections === null ? {} : page.route.origins)

  constructor(dashboard: Dashboard, entity: { column: string; key: string } | null, entities: Iterable<string>) {
    this.dashboard = dashboard
    this.entity = entity
    this.entities = new Set(entities)
    void defaultsOf(dashboard, (column) => api.filterValues(dashboard.name, column, '', 1)).then((defaults) => (this.#defaults = defaults))
  }

  /** Follows what the server says until the returned function is called. */
  follow(reload: () => void): () => void {
    return listen(api.eventsAddress(this.dashboard.name), {
      changed: (panels) => this.#tell(panels),
      resumed: () => this.#tell(this.dashboard.panels.map((panel) => panel.id)),
      reload,
      connected: (yes) => (this.connected = yes),
    })
  }

  #tell(panels: string[]): void {
    const news = { ...this.news }
    for (const panel of panels) news[panel] = (news[panel] ?? 0) + 1
    this.news = news
  }

  /** What a panel is asked with. */
  asked(panel: Panel): Selections {
    const own = forPanel(this.selections ?? {}, this.origins, panel)
    if (this.entity !== null && panel.selectable.includes(this.entity.column)) own[this.entity.column] = [this.entity.key]
    return own
  }

  /** The rows behind a panel are those of all that is selected, its own selection included. */
  askedRows(panel: Panel): Selections {
    const own = forPanel(this.selections ?? {}, {}, panel)
    if (this.entity !== null && panel.selectable.includes(this.entity.column)) own[this.entity.column] = [this.entity.key]
    return own
  }

  /** What was selected in this very panel. */
  made(panel: Panel): Selections {
    return Object.fromEntries(Object.entries(this.selections ?? {}).filter(([column]) => this.origins[column] === panel.id))
  }

  select(column: string, selection: Selection | null, origin: string | null = null): void {
    const selections = without(this.selections ?? {}, column)
    const origins = without(this.origins, column)
    if (selection !== null && !(isIn(selection) && selection.length === 0)) {
      selections[column] = selection
      if (origin !== null) origins[column] = origin
    }
    this.#put(selections, origins)
  }

  /** A click in a panel: what it stands for is selected, or no more where it was. */
  pick(panel: Panel, picks: Pick[], adding: boolean): void {
    let selections = { ...(this.selections ?? {}) }
    let origins = { ...this.origins }
    const wanted = picks.map((pick) => ({
      column: pick.column,
      selection: 'between' in pick ? pick.between : toggle(picks.length > 1 ? undefined : selections[pick.column], pick.value, adding),
    }))
    const was = wanted.every(({ column, selection }) => equal(selections[column], selection))
    for (const { column, selection } of wanted) {
      selections = without(selections, column)
      origins = without(origins, column)
      if (was || (isIn(selection) && selection.length === 0)) continue
      selections[column] = selection
      origins[column] = panel.id
    }
    this.#put(selections, origins)
  }

  clear(): void {
    this.#put({}, {})
  }

  #put(selections: Selections, origins: Origins): void {
    // Back at the defaults the address is the short one again.
    const plain = this.#defaults !== null && Object.keys(origins).length === 0 && write(selections) === write(this.#defaults)
    page.go({ place: page.route.place, selections: plain ? null : selections, origins })
  }

  meaning(column: string): ColumnMeaning {
    const filter = this.dashboard.filters.find((one) => one.column === column)
    for (const panel of this.dashboard.panels) {
      if (panel.x?.column === column) return { label: filter?.label ?? panel.x.label, type: panel.x.type, bucket: panel.x.bucket }
    }
    for (const panel of this.dashboard.panels) {
      const label = panel.by?.column === column ? panel.by.label : panel.columns.find((one) => one.name === column)?.label
      if (label !== undefined) return { label: filter?.label ?? label, type: typeOf(this.dashboard, column, null), bucket: null }
    }
    return { label: filter?.label ?? clip(column.replaceAll('_', ' ')), type: typeOf(this.dashboard, column, null), bucket: null }
  }
}

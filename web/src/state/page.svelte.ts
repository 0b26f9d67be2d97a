// Where the page is. The address is the state: what is not in it is lost with the tab, and wants to be.

import { addressOf, parse, type Place, type Route } from './route'

class Page {
  route = $state.raw<Route>(parse(location.pathname, location.search))

  constructor() {
    window.addEventListener('popstate', () => {
      this.route = parse(location.pathname, location.search)
    })
  }

  /** A step that “back” undoes; `replace` for what nobody would want to go back to. */
  go(route: Route, replace = false): void {
    const address = addressOf(route)
    if (address === location.pathname + location.search) return
    history[replace ? 'replaceState' : 'pushState'](null, '', address)
    this.route = parse(location.pathname, location.search)
  }

  visit(place: Place): void {
    this.go({ place, selections: null, origins: {} })
    window.scrollTo(0, 0)
  }

  /** For links: a plain click stays in the page, one with Ctrl or the middle button opens a tab as everywhere. */
  follow(event: MouseEvent, place: Place): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    this.visit(place)
  }
}

export const page = new Page()

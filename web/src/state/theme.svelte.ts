// Dark or light: as the system says, until somebody says otherwise.

export type Choice = 'system' | 'light' | 'dark'

const KEY = 'tidemill.theme'

function remembered(): Choice {
  try {
    const said = localStorage.getItem(KEY)
    return said === 'light' || said === 'dark' ? said : 'system'
  } catch {
    // Storage can be switched off; then it holds for this page only.
    return 'system'
  }
}

class Theme {
  choice = $state<Choice>(remembered())
  #system = $state(window.matchMedia('(prefers-color-scheme: dark)').matches)
  /** What is on the screen. */
  dark = $derived(this.choice === 'system' ? this.#system : this.choice === 'dark')

  constructor() {
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => (this.#system = event.matches))
    this.#apply()
  }

  choose(choice: Choice): void {
    this.choice = choice
    try {
      if (choice === 'system') localStorage.removeItem(KEY)
      else localStorage.setItem(KEY, choice)
    } catch {
      // See above.
    }
    this.#apply()
  }

  #apply(): void {
    if (this.choice === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = this.choice
  }
}

export const theme = new Theme()

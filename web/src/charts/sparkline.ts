// A line so small that it needs no axes.

export function sparkline(values: (number | null)[], width: number, height: number): { line: string; area: string; end: [number, number] | null } {
  const known = values.filter((value): value is number => value !== null)
  if (known.length < 2) return { line: '', area: '', end: null }
  const least = Math.min(...known)
  const most = Math.max(...known)
  const margin = 3
  const x = (place: number) => round(margin + (place * (width - 2 * margin)) / (values.length - 1))
  const y = (value: number) => round(most === least ? height / 2 : margin + ((most - value) * (height - 2 * margin)) / (most - least))
  const points = values.flatMap((value, place) => (value === null ? [] : [[x(place), y(value)] as [number, number]]))
  const line = points.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${px} ${py}`).join('')
  const first = points[0] as [number, number]
  const end = points[points.length - 1] as [number, number]
  return { line, area: `${line}L${end[0]} ${height}L${first[0]} ${height}Z`, end }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

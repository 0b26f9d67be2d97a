import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// `npm run dev` talks to a real server, or to the mock one (`npm run mock`): both listen here unless told otherwise.
const server = process.env.TIDEMILL_SERVER ?? 'http://127.0.0.1:5000'

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // Nothing is inlined as `data:`: the server serves what stands under /assets/ and the policy allows no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(['/api', '/healthz'].map((path) => [path, { target: server, changeOrigin: true }])),
  },
  test: { include: ['tests/unit/**/*.test.ts'] },
})

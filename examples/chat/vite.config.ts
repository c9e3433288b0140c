import { defineConfig } from 'vite';

const gateway = process.env.RUNTAPE_URL ?? 'http://127.0.0.1:4000';

/** The page and the gateway have one origin, so that the gateway needs no `cors` setting. */
export default defineConfig({
  root: import.meta.dirname,
  server: { proxy: { '/graphql': { target: gateway, ws: true }, '/attachments': { target: gateway } } },
});

/**
 * The files that are loaded only when they are needed: the fallback of WebSocket, the printer of parsed documents, client tools, uploads,
 * branches, and what settles waits that are no approvals.
 */
const later = [
  '*/event-stream-link.js',
  '*/print-document.js',
  '*/run-tools.js',
  '*/upload.js',
  '*/settle-other-kinds.js',
  '*/branch-session.js',
];

/** In bytes that a page downloads: minified, gzipped, with all dependencies except React. */
export default [
  {
    name: 'core',
    path: 'dist/index.js',
    import: '{ createClient }',
    limit: '12 kB',
    gzip: true,
    modifyEsbuildConfig: (config) => ({ ...config, external: [...(config.external ?? []), ...later] }),
  },
  {
    name: 'core, with what is loaded later',
    path: 'dist/index.js',
    import: '{ createClient }',
    limit: '14 kB',
    gzip: true,
  },
  {
    name: 'react, without the core',
    path: 'dist/react/index.js',
    ignore: ['react'],
    limit: '2 kB',
    gzip: true,
  },
];

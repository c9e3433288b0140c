// @ts-check

/**
 * Listens on a free loopback port, and prints the address in one line of JSON, like Runtape does.
 * @param {import('node:http').Server} server
 * @param {string} path
 */
export function listen(server, path = '') {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    console.log(JSON.stringify({ event: 'listening', url: `http://127.0.0.1:${port}${path}` }));
  });
}

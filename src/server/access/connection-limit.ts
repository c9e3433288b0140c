import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Ends connections of an address that has too many, before anything is read of them. */
export function limitConnections(server: Server, mostPerAddress: number): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const now = (open.get(address) ?? 0) + 1;
    if (now > mostPerAddress) return void socket.destroy();
    open.set(address, now);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

import { createClient } from '@runtape/client';

const TOKEN = 'runtape-token';

/** The token lives as long as the tab, and is never part of an address. */
export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token);
  location.reload();
}

export function signOut(): void {
  sessionStorage.removeItem(TOKEN);
  location.reload();
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

/** The only connection of the page to its gateway. */
export const client = createClient({
  url: new URL('/graphql', location.href),
  token: () => sessionStorage.getItem(TOKEN),
});

/** Saves a file of the gateway. A link would not send the token. */
export async function download(path: string, name: string): Promise<void> {
  const token = sessionStorage.getItem(TOKEN);
  const response = await fetch(new URL(path, location.href), {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`The file cannot be downloaded: ${response.status} ${await response.text()}`);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

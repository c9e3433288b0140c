import { createContext, useContext } from 'react';

export interface Viewer {
  principal: string;
  scopes: readonly string[];
}

export const ViewerContext = createContext<Viewer>({ principal: '', scopes: [] });

export const useViewer = () => useContext(ViewerContext);

/** What the scopes do not allow is not offered. */
export function useCan(scope: 'write' | 'approve' | 'approve:any' | 'admin'): boolean {
  const { scopes } = useViewer();
  return scopes.includes(scope);
}

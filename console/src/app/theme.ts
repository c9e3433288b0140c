const THEME = 'runtape-theme';
const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export function currentTheme(): Theme {
  const stored = localStorage.getItem(THEME);
  return themes.find((theme) => theme === stored) ?? 'system';
}

export function applyTheme(theme: Theme = currentTheme()): void {
  localStorage.setItem(THEME, theme);
  document.documentElement.dataset.theme = theme;
}

export function nextTheme(theme: Theme): Theme {
  return themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
}

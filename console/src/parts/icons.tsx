import type { ReactNode } from 'react';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {children}
    </svg>
  );
}

export const WaitingIcon = () => (
  <Icon>
    <path d="M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM8 4.6V8l2.2 1.6" />
  </Icon>
);
export const SessionsIcon = () => (
  <Icon>
    <path d="M2.5 3.5h11v7.2h-6l-3 2.6v-2.6h-2z" />
  </Icon>
);
export const UsageIcon = () => (
  <Icon>
    <path d="M2.5 13.5h11M4.5 11V7.5M8 11V3M11.5 11V5.8" />
  </Icon>
);
export const AgentsIcon = () => (
  <Icon>
    <path d="M3 5.5h10v7H3zM8 5.5V3M6 8.4v1.2M10 8.4v1.2" />
  </Icon>
);
export const GatewayIcon = () => (
  <Icon>
    <path d="M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01" />
  </Icon>
);
export const QueryIcon = () => (
  <Icon>
    <path d="M5.5 3 2 8l3.5 5M10.5 3 14 8l-3.5 5" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <path d="M5.5 5.5h7v8h-7zM3.5 10.5v-8h7" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m3 8.5 3.2 3.2L13 4.8" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const ThemeIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.5" />
    <path d="M8 2.5v11a5.5 5.5 0 0 0 0-11Z" fill="currentColor" />
  </Icon>
);
export const Mark = () => (
  <svg className="mark" viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
    <rect x="2" y="5" width="28" height="22" rx="3.5" />
    <circle cx="10.5" cy="14" r="3.5" />
    <circle cx="21.5" cy="14" r="3.5" />
    <path d="M14 17.5h4M8 27l2.5-5h11l2.5 5" />
  </svg>
);

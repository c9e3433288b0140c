/** Internals that no response may show: stack traces, paths, SQL and names of libraries. */
export const internals =
  /node_modules|\.[cm]?[jt]s:\d|\bat \S+ \(|prisma|better-sqlite|SQLITE_|\bSELECT\b|\bINSERT INTO\b|"stack"|\/(work|home|root|tmp|usr|dist|src)\/|ENOENT|TypeError/i;

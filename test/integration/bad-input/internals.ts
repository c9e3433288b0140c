/** What only the inside of the server knows: stacks, paths, SQL, and what it is made of. */
export const internals =
  /node_modules|\.[cm]?[jt]s:\d|\bat \S+ \(|prisma|better-sqlite|SQLITE_|\bSELECT\b|\bINSERT INTO\b|"stack"|\/(work|home|root|tmp|usr|dist|src)\/|ENOENT|TypeError/i;

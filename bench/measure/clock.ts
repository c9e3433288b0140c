/** Milliseconds of the clock that all processes of a machine share; it knows no date and is never set. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

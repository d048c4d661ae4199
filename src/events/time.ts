/** Times as events spell them. */

const RFC3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]00:00)$/;

/** Unix milliseconds of an RFC 3339 time in UTC; undefined where the text is none. */
export function parseTime(text: string): number | undefined {
  const time = RFC3339_UTC.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** The times of Notary v1 files: RFC 3339 with up to nine fractional digits and any offset. */

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** The instant a time text names, cut to the millisecond; `undefined` when it is not a time. RFC 3339 §5.6. */
export function parseTime(text: string): Date | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offset = offsetMinutes(match[8], Number(match[9] ?? 0), Number(match[10] ?? 0));
  if (offset === undefined || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (day < 1 || day > daysIn(year, month)) return undefined;
  const milliseconds = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  const instant = new Date(0);
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  instant.setUTCFullYear(year, month - 1, day);
  instant.setUTCHours(hour, minute - offset, second, milliseconds);
  return instant;
}

/** The text a reference sender writes for the same time: no trailing zeros in the fraction, `Z` for an offset of zero. */
export function referenceTime(text: string): string {
  return text.replace(/\.\d+/, (fraction) => fraction.replace(/\.?0+$/, "")).replace(/[+-]00:00$/, "Z");
}

/** A time in the layout that docker users know: `Mon Jan 2 15:04:05 UTC 2006`. */
export function displayTime(instant: Date): string {
  const [weekday, day, month, year, time] = instant.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${Number(day)} ${time} UTC ${year}`;
}

function offsetMinutes(sign: string | undefined, hours: number, minutes: number): number | undefined {
  if (hours > 23 || minutes > 59) return undefined;
  return (sign === "-" ? -1 : 1) * (hours * 60 + minutes);
}

function daysIn(year: number, month: number): number {
  const day = new Date(0);
  day.setUTCFullYear(year, month, 0);
  return day.getUTCDate();
}

/** Dates as people read them. */

/** `today`, `in 1 day`, `in 12 days`, `3 days ago`. */
export function inDays(at: Date, now: Date): string {
  const days = Math.round((at.getTime() - now.getTime()) / 86_400_000);
  const count = `${Math.abs(days)} day${Math.abs(days) === 1 ? "" : "s"}`;
  if (days === 0) return "today";
  return days > 0 ? `in ${count}` : `${count} ago`;
}

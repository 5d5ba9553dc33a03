/** When something was, in words: the time today, the day before. */
export function when(saved: number, now = Date.now()): string {
  const then = new Date(saved);
  const time = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const day = then.toDateString() === new Date(now).toDateString() ? "today" : then.toLocaleDateString();
  return `${day} at ${time}`;
}

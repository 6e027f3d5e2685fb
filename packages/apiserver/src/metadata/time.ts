/** A metav1.Time: whole seconds, UTC, e.g. "2026-11-21T10:00:00Z". */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A metav1.Time as it is on the wire: UTC, whole seconds, e.g. "2026-11-21T10:00:00Z". */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A metav1.MicroTime as it is on the wire: the same with six digits of the second. */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

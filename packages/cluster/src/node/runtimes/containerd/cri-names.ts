/** What the kubelet calls the names of containerd's own things. */

/** The namespace in which containerd keeps what the Container Runtime Interface made. */
export const criNamespace = "k8s.io";

/** CRI's times are nanoseconds since 1970; 0 is none. */
export function criTimeMs(nanoseconds: number): number {
  return Math.trunc(nanoseconds / 1e6);
}

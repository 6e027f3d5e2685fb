import type { Container } from "../../kinds.ts";

/** A port by number or by its name in the container (k8s.io/kubernetes/pkg/probe/util.go). Throws upstream's text. */
export function containerPort(port: number | string, container: Container): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const number = typeof port === "number" ? port : (named ?? Number(port));
  if (!Number.isInteger(number)) throw new Error(`couldn't find port: ${JSON.stringify(port)} in the container ports`);
  if (number < 1 || number > 65_535) throw new Error(`invalid port number: ${number}`);
  return number;
}

import { commaSeparated } from "../upgrade.ts";

/** The ports, or what is wrong with them. */
export function readPorts(given: readonly string[]): number[] | string {
  if (given.length === 0) return 'query parameter "port" is required';
  const ports: number[] = [];
  for (const text of given.flatMap((each) => (each === "" ? [""] : commaSeparated(each)))) {
    if (text === "") return 'query parameter "port" cannot be empty';
    const port = readPort(text);
    if (typeof port === "string") return port;
    ports.push(port);
  }
  return ports;
}

/** A port, or what is wrong with it. */
export function readPort(text: string): number | string {
  if (!/^\d+$/.test(text)) {
    return `unable to parse ${JSON.stringify(text)} as a port: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  const port = Number(text);
  if (port > 65_535) {
    return `unable to parse ${JSON.stringify(text)} as a port: strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`;
  }
  return port < 1 ? `port ${JSON.stringify(text)} must be > 0` : port;
}

/** Files of variables that an init container leaves for others (k8s.io/kubernetes/pkg/kubelet/util/env/env_util.go). */

/**
 * The value of a key in lines of NAME='value'; "" when it is not there. A value may go over lines. Throws at the
 * first line before it that is none of that form.
 */
export function envFileValue(text: string, key: string): string {
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] as string).replace(/^[ \t]+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const fail = (what: string): Error =>
      new Error(`invalid environment variable format at line ${index + 1}: ${what}`);
    const equals = line.indexOf("=");
    if (equals < 0) throw fail("missing '='");
    const name = line.slice(0, equals);
    if (name.trim() === "") throw fail("empty variable name");
    if (/[ \t]$/.test(name)) throw fail("whitespace before '=' is not allowed");
    const given = line.slice(equals + 1);
    // As in a shell, what comes after a blank is not the value.
    if (/^[ \t]/.test(given)) {
      if (name === key) return "";
      continue;
    }
    if (!given.startsWith("'")) throw fail("value must be enclosed in single quotes");
    const start = index;
    let value = given.slice(1);
    while (!value.includes("'")) {
      index++;
      if (index >= lines.length) {
        throw new Error(`invalid environment variable format starting at line ${start + 1}: unclosed single quote`);
      }
      value += `\n${lines[index]}`;
    }
    const end = value.indexOf("'");
    const rest = value.slice(end + 1).replace(/^[ \t]+/, "");
    if (rest !== "" && !rest.startsWith("#")) throw fail("unexpected content after closing quote");
    if (name === key) return value.slice(0, end);
  }
  return "";
}

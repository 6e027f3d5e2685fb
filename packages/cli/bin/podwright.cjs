#!/usr/bin/env node
// Runs the command on a Node.js that can: this one when it is new enough, else the one that npm installed.
"use strict";
const { spawn } = require("node:child_process");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { nodeBinary } = require("./node-binary.cjs");

const main = join(__dirname, "main.mjs");
const node = nodeBinary();
if (node === process.execPath) {
  import(pathToFileURL(main).href);
} else if (node === undefined) {
  console.error(`podwright: this needs Node.js 22.18 or newer (here: ${process.version}). Install it and try again.`);
  process.exit(1);
} else {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both; the child decides when it is done.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code !== null ? code : signal === "SIGINT" ? 130 : 1));
}

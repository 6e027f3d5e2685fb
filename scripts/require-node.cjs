// The first script of `npm start` and `npm test`: says in one line when there is no Node.js that can run them.
"use strict";
const { nodeBinary } = require("../packages/cli/bin/node-binary.cjs");
if (nodeBinary() !== process.execPath) {
  console.error(
    "podwright: this needs Node.js 22.18 or newer (here: " +
      process.version +
      "). On Linux `npm ci` brings it along, unless optional dependencies are left out; elsewhere install it first.",
  );
  process.exit(1);
}

// Adds up vitest's JSON reports and prints CI's last line. Fails when a report is missing or a test failed.
"use strict";
const { readFileSync } = require("node:fs");

let [passed, failed, skipped] = [0, 0, 0];
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    skipped += report.numPendingTests + report.numTodoTests;
    // A file that could not be loaded has no test that failed.
    for (const suite of report.testResults) {
      if (suite.status === "failed" && suite.assertionResults.every((test) => test.status !== "failed")) failed++;
    }
  } catch (error) {
    console.log(`no test report: ${error.message}`);
    failed++;
  }
}
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

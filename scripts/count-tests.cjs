// Adds up the JSON reports of vitest and schemathesis and prints CI's last line. Fails when a report is missing or a
// test failed.
"use strict";
const { readFileSync } = require("node:fs");

let [passed, failed, skipped] = [0, 0, 0];
for (const file of process.argv.slice(2)) {
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    const counts = report.schemathesis_version === undefined ? ofVitest(report) : ofSchemathesis(report);
    passed += counts.passed;
    failed += counts.failed;
    skipped += counts.skipped;
  } catch (error) {
    console.log(`no test report: ${error.message}`);
    failed++;
  }
}
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function ofVitest(report) {
  // A file that could not be loaded has no test that failed.
  const broken = report.testResults.filter(
    ({ assertionResults, status }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** As its JUnit report has it: each operation is one test, and sequences of several operations are one more. */
function ofSchemathesis({ complete, errors, exit_code, failures, operations, phases }) {
  const tests = operations.tested + (phases.stateful.status === "skip" ? 0 : 1);
  const failing = new Set([...failures, ...errors].flatMap((each) => each.operations ?? [each.title]));
  // A warning fails the run, and no operation.
  const failed = failing.size > 0 ? failing.size : exit_code === 0 && complete ? 0 : 1;
  return { passed: Math.max(0, tests - failed), failed, skipped: operations.skipped };
}

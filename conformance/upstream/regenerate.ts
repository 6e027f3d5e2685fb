// Answers the cases of packages/kube's testdata anew with upstream's code (needs Go):
//   node conformance/upstream/regenerate.ts          rewrites the files
//   node conformance/upstream/regenerate.ts --check  only says which differ
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

// biome-ignore lint/suspicious/noExplicitAny: lines of test data.
type Row = Record<string, any>;

interface DataFile {
  path: string;
  /** What of a line is the question. */
  question(row: Row): Row;
  /** The line for an answer. */
  row(question: Row, answer: Row, before: Row): Row;
}

const pick = (row: Row, ...fields: string[]): Row =>
  Object.fromEntries(fields.filter((field) => row[field] !== undefined).map((field) => [field, row[field]]));
const joined = (question: Row, answer: Row): Row => ({ ...question, ...answer });
/** Which of several problems comes first is a matter of Go's map order. */
const withSortedError = (state: Row): Row =>
  state["error"] === undefined ? state : { ...state, error: state["error"].split("\n").sort().join("\n") };

const files: Record<string, DataFile> = {
  "strategic-merge": {
    path: "patch/testdata/strategic-merge.jsonl",
    question: (row) => pick(row, "kind", "original", "patch"),
    // Which of several errors comes first is a matter of Go's map order.
    row: (question, answer, before) => ({
      kind: question["kind"],
      original: answer["original"],
      patch: question["patch"],
      ...(answer["error"] === undefined
        ? { result: answer["result"] ?? {} }
        : { error: before["error"] ?? answer["error"] }),
    }),
  },
  "json-patch": {
    path: "patch/testdata/json-patch.jsonl",
    question: (row) => pick(row, "document", "patch"),
    row: joined,
  },
  "merge-patch": {
    path: "patch/testdata/merge-patch.jsonl",
    question: (row) => pick(row, "document", "patch"),
    row: joined,
  },
  quantities: { path: "testdata/quantities.jsonl", question: (row) => pick(row, "a", "b"), row: joined },
  selectors: {
    path: "testdata/selectors.jsonl",
    question: (row) => ({
      ...pick(row, "type", "text"),
      sets: (row["matches"] ?? []).map(([set]: [Row, boolean]) => set),
    }),
    row: ({ type, text, sets }, { error, shown, matches }) =>
      error === undefined
        ? { type, text, shown, matches: (sets as Row[]).map((set, index) => [set, matches[index]]) }
        : { type, text, error },
  },
  names: { path: "testdata/names.jsonl", question: (row) => pick(row, "text"), row: joined },
  json: {
    path: "testdata/json.jsonl",
    question: (row) => pick(row, "text"),
    row: (question, { error, shown, duplicates }) =>
      error === undefined ? { ...question, shown, duplicates: duplicates ?? [] } : { ...question, error },
  },
  schemas: {
    path: "schema/testdata/schemas.jsonl",
    question: (row) => pick(row, "schema", "value"),
    row: ({ schema, value }, answer) => ({
      schema,
      schemaErrors: answer["schemaErrors"].sort(),
      ...(value === undefined
        ? {}
        : {
            value,
            unknown: answer["unknown"],
            pruned: answer["pruned"] ?? {},
            withoutNulls: answer["withoutNulls"] ?? {},
            defaulted: answer["defaulted"] ?? {},
            errors: answer["errors"].sort(),
          }),
    }),
  },
  apply: {
    path: "apply/testdata/apply.jsonl",
    question: (row) => pick(row, "schema", "empty", "steps"),
    row: (question, answer) => ({ ...question, states: answer["steps"].map(withSortedError) }),
  },
  "field-sets": { path: "apply/testdata/field-sets.jsonl", question: (row) => pick(row, "a", "b"), row: joined },
};

const check = process.argv.includes("--check");
const here = new URL(".", import.meta.url);
for (const [name, file] of Object.entries(files)) {
  const location = new URL(`../../packages/kube/src/${file.path}`, here);
  const text = readFileSync(location, "utf8");
  const rows = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
  const questions = rows.map(file.question);
  const input = questions.map((question) => JSON.stringify(question)).join("\n");
  const output = execFileSync("go", ["run", ".", name], { cwd: here, input, encoding: "utf8", maxBuffer: 1 << 28 });
  const answers = output
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
  const next = questions.map((question, index) => file.row(question, answers[index] as Row, rows[index] as Row));
  const nextText = `${next.map((row) => JSON.stringify(row)).join("\n")}\n`;
  const changed = nextText.split("\n").filter((line, index) => line !== text.split("\n")[index]).length;
  console.log(`${file.path}: ${changed === 0 ? "unchanged" : `${changed} of ${rows.length} lines differ`}`);
  if (changed > 0 && check) process.exitCode = 1;
  if (changed > 0 && !check) writeFileSync(location, nextText);
}

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, type Api, type Exchange, sendUntil } from "./exchange.ts";
import { normalize } from "./normalize.ts";

/** Requests that build on each other, on objects of their own. */
export interface Case {
  name: string;
  exchanges: Exchange[];
}

interface Options {
  open: () => Api | Promise<Api>;
  cases: readonly Case[];
  /** What a real API server answered: JSON, by case and title. */
  file: URL;
  /** See {@link normalize}; asked after the API has been opened. */
  replacements?: () => [string, string][];
  /** Compare who manages fields. */
  managedFields?: boolean;
  /** The cases run side by side: no two of them have objects, or what a webhook server tells, in common. */
  together?: boolean;
  /** Takes more out of an answer before it is compared. */
  mask?: (answer: Answer) => Answer;
}

/**
 * Compares answers with what a real API server has been recorded to answer. On the real lane RECORD=1 writes the
 * recording of what runs anew.
 */
export function compareWithRecorded(options: Options): void {
  const { open, cases, file, replacements = () => [], managedFields = false, mask = (answer) => answer } = options;
  const suites = options.together === true ? describe.concurrent : describe;
  const recording = process.env["RECORD"] === "1" && process.env["KUBECONFIG_REAL"] !== undefined;
  const recorded: Record<string, Record<string, Answer>> = recording && !existsSync(file)
    ? {}
    : JSON.parse(readFileSync(file, "utf8"));
  let api: Api;
  beforeAll(async () => {
    api = await open();
  });
  afterAll(async () => {
    await api.close();
    if (!recording) return;
    const inOrder = Object.fromEntries(cases.map(({ name }) => [name, recorded[name]]));
    writeFileSync(file, `${JSON.stringify(inOrder, undefined, 2)}\n`);
  });

  suites.each(cases)("$name", ({ name, exchanges }) => {
    const answers: Record<string, Answer> = {};
    beforeAll(async () => {
      for (const exchange of exchanges) {
        const raw = await sendUntil(api, exchange);
        const { status, body } = raw;
        if (exchange.silent && exchange.method === "POST" && exchange.until === undefined && status >= 300) {
          throw new Error(`${exchange.title}: ${JSON.stringify(body)}`);
        }
        let answer = mask(normalize(raw, replacements(), managedFields));
        if (exchange.differs !== undefined)
          answer = { status: answer.status, body: `not compared: ${exchange.differs}` };
        if (exchange.silent !== true) answers[exchange.title] = answer;
      }
      if (recording) recorded[name] = answers;
    });
    it.each(exchanges.filter((exchange) => exchange.silent !== true).map(({ title }) => title))("%s", (title) => {
      expect(answers[title]).toEqual(recorded[name]?.[title]);
    });
  });
}

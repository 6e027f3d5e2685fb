/** As {@link import("./values.ts").renderValues}, which is loaded when it is called. */
export const renderValues: typeof import("./values.ts").renderValues = async (...given) =>
  (await import("./values.ts")).renderValues(...given);

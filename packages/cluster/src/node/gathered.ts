const enoughBytes = 64 * 1024;

/**
 * Joins chunks that come one right after the other, so that they are sent at once and not one by one: up to 64 KiB,
 * or what has come by the next turn of the event loop. Reads on as it is read.
 */
export async function* gathered(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  let isOver = false;
  let failure: { error: unknown } | undefined;
  let filled = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();

  const read = async (): Promise<void> => {
    for await (const chunk of chunks) {
      if (isOver) return;
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      if (parts.push(bytes) === 1) setImmediate(filled.resolve);
      size += bytes.length;
      if (size < enoughBytes) continue;
      filled.resolve();
      await taken.promise;
    }
  };
  read()
    .catch((error: unknown) => {
      failure = { error };
    })
    .finally(() => {
      isOver = true;
      filled.resolve();
    });

  try {
    for (;;) {
      await filled.promise;
      filled = Promise.withResolvers();
      const wasOver = isOver;
      const batch = parts;
      parts = [];
      size = 0;
      taken.resolve();
      taken = Promise.withResolvers();
      if (batch.length > 0) yield batch.length === 1 ? (batch[0] as Uint8Array) : Buffer.concat(batch);
      if (!wasOver) continue;
      if (failure !== undefined) throw failure.error;
      return;
    }
  } finally {
    isOver = true;
    taken.resolve();
  }
}

type All<T extends readonly Promise<unknown>[]> = { [K in keyof T]: Awaited<T[K]> };

/** Like `Promise.all`, but not before all have ended: undoing must not meet what still goes on. The first failure is thrown. */
export async function allEnded<const T extends readonly Promise<unknown>[]>(tasks: T): Promise<All<T>> {
  let first: { error: unknown } | undefined;
  for (const task of tasks) {
    task.catch((error: unknown) => {
      first ??= { error };
    });
  }
  await Promise.allSettled(tasks);
  if (first) throw first.error;
  return Promise.all(tasks) as Promise<All<T>>;
}

/** The same, and the first failure stops the others through `stop`. */
export function allOrAbort<const T extends readonly Promise<unknown>[]>(
  stop: AbortController,
  tasks: T,
): Promise<All<T>> {
  for (const task of tasks) task.catch((error: unknown) => stop.abort(error));
  return allEnded(tasks);
}

/**
 * A signal that is aborted with the first of these, with its reason. It is held by them until then: what `AbortSignal.any` gives may lose an
 * abort, because the garbage collector takes a source that nobody holds any more (nodejs/node#65995, Node 24.16 to 26).
 */
export function firstAbort(...signals: readonly AbortSignal[]): AbortSignal {
  const either = new AbortController();
  for (const signal of signals) {
    const stop = () => either.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true, signal: either.signal });
  }
  return either.signal;
}

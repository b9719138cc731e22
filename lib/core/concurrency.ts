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

/**
 * Like `Promise.all`, but does not return before each has ended, so that undoing never meets one that is still at work. Of several
 * failures the first in the list is thrown: the one that explains the others belongs in front.
 */
export async function allEnded<const T extends readonly unknown[]>(
  deeds: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const ended = await Promise.allSettled(deeds);
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return ended.map((end) => end.status === 'fulfilled' && end.value) as { -readonly [K in keyof T]: Awaited<T[K]> };
}

/** One request, in milliseconds since the load began. */
export type Sample = { kind: 'get' | 'slow' | 'post'; start: number; end: number; ok: boolean; outcome: string };

export type LoadReport = {
  sent: number;
  failed: number;
  /** How often each answer came: a status code, or the error's code. */
  outcomes: Record<string, number>;
  /** From the start of the first request that failed to the end of the next one that worked. */
  longestOutageMs: number;
  /** Between the ends of two answers that worked: also shows a service that lets everyone wait. */
  longestGapMs: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  durationMs: number;
};

/** Sum the samples up. Latencies are those of the ordinary requests that worked; the slow ones are slow by wish. */
export function summarise(samples: Sample[]): LoadReport {
  const latencies = samples
    .filter((sample) => sample.ok && sample.kind !== 'slow')
    .map((sample) => sample.end - sample.start)
    .sort((a, b) => a - b);
  const quantile = (q: number) => Math.round(latencies[Math.ceil(q * latencies.length) - 1] ?? 0);
  const outcomes: Record<string, number> = {};
  for (const { outcome } of samples) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return {
    sent: samples.length,
    failed: samples.filter((sample) => !sample.ok).length,
    outcomes,
    longestOutageMs: Math.round(longestOutage(samples)),
    longestGapMs: Math.round(longestGap(samples)),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    durationMs: Math.round(Math.max(0, ...samples.map((sample) => sample.end))),
  };
}

function longestOutage(samples: Sample[]): number {
  let longest = 0;
  let since: number | undefined;
  for (const sample of [...samples].sort((a, b) => a.start - b.start)) {
    if (!sample.ok) since ??= sample.start;
    if (since !== undefined) longest = Math.max(longest, sample.end - since);
    if (sample.ok) since = undefined;
  }
  return longest;
}

function longestGap(samples: Sample[]): number {
  const ends = samples
    .filter((sample) => sample.ok && sample.kind !== 'slow')
    .map((sample) => sample.end)
    .sort((a, b) => a - b);
  return ends.reduce((longest, end, index) => Math.max(longest, end - (ends[index - 1] ?? end)), 0);
}

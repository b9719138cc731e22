import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock, Paths, RequestLog } from '../../core/ops.ts';
import { summarize } from '../../tools/http/probe.ts';
import { readReleases } from './releases.ts';

/** A request of a probe. Milliseconds; `at` since the run began. */
export interface Sample {
  readonly at: number;
  readonly took: number;
  readonly well: boolean;
}

/** What all probes of a run noticed. Milliseconds; `downtime`: the longest that nobody was answered by one of the ways. */
export interface Requests {
  readonly sent: number;
  readonly failed: number;
  readonly longest: number;
  readonly downtime: number;
}

const fileOf = (run: string) => path.join(run, 'requests');

/** A disk is asked this often at most. */
const FLUSH_MS = 1_000;

/**
 * Keeps what the probes of a run notice: in memory for whoever watches, and in `<run>/requests` for its report. A line a request, `<way> <at>
 * <took> <1|0>`, after a line `way <way> <url>`; 20 requests a second for an hour are 1.3 MB. What can't be written is not kept: no measurement
 * may stop a run.
 */
export class RequestRecord implements RequestLog {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #began: number;
  readonly #run: string;
  readonly #ways = new Map<string, { readonly number: number; readonly answered: Sample[] }>();
  readonly #underWay = new Set<{ readonly began: number }>();
  #failed = 0;
  #longest = 0;
  #unwritten = '';
  #written = 0;

  constructor(clock: Pick<Clock, 'monotonic'>, run: string) {
    this.#clock = clock;
    this.#began = clock.monotonic();
    this.#run = run;
  }

  sent(url: string): (well: boolean | undefined) => void {
    const way = this.#wayOf(url);
    const began = this.#clock.monotonic();
    const request = { began };
    this.#underWay.add(request);
    return (well) => {
      this.#underWay.delete(request);
      if (well === undefined) return;
      const sample = { at: began - this.#began, took: this.#clock.monotonic() - began, well };
      way.answered.push(sample);
      if (!well) this.#failed += 1;
      this.#longest = Math.max(this.#longest, sample.took);
      this.#unwritten += `${way.number} ${Math.round(sample.at)} ${Math.round(sample.took)} ${well ? 1 : 0}\n`;
      if (this.#clock.monotonic() - this.#written >= FLUSH_MS) this.flush();
    };
  }

  #wayOf(url: string) {
    const known = this.#ways.get(url);
    if (known) return known;
    const way = { number: this.#ways.size + 1, answered: [] };
    this.#ways.set(url, way);
    this.#unwritten += `way ${way.number} ${url}\n`;
    return way;
  }

  /** As it is now; who still waits counts for the longest wait. `undefined` before the first. */
  get soFar(): Omit<Requests, 'downtime'> | undefined {
    if (this.#ways.size === 0) return undefined;
    const answered = [...this.#ways.values()].reduce((sum, w) => sum + w.answered.length, 0);
    const now = this.#clock.monotonic();
    const [oldest] = this.#underWay; // in the order of their beginning
    const longest = Math.max(this.#longest, now - (oldest?.began ?? now));
    return { sent: answered + this.#underWay.size, failed: this.#failed, longest };
  }

  /** All of it, at the end. `undefined`: nothing was asked. */
  get noticed(): Requests | undefined {
    const { soFar } = this;
    if (soFar === undefined) return undefined;
    const now = this.#clock.monotonic() - this.#began;
    const gaps = [...this.#ways.values()].map(({ answered }) => gapOf(answered, now));
    return { ...soFar, downtime: Math.max(0, ...gaps) };
  }

  flush(): void {
    this.#written = this.#clock.monotonic();
    if (this.#unwritten === '') return;
    try {
      appendFileSync(fileOf(this.#run), this.#unwritten, { mode: 0o600 });
    } catch {
      // a full disk: what is shown at the end is from memory
    }
    this.#unwritten = '';
  }
}

const gapOf = (answered: readonly Sample[], now: number): number =>
  summarize(
    answered.filter((s) => !s.well).map((s) => s.at),
    answered.filter((s) => s.well).map((s) => [s.at, s.at + s.took]),
    now,
  ).longestGapMs;

/** One way by which a probe came, and its requests in the order of their answers. */
export interface Way {
  readonly url: string;
  readonly samples: readonly Sample[];
}

/**
 * The longest that a visitor waited, or that nobody was answered, when a container took the application's place here last. Milliseconds;
 * `undefined` when nobody measured one.
 */
export function lastReplacement(paths: Pick<Paths, 'state' | 'backups'>): number | undefined {
  const last = readReleases(paths).findLast((r) => r.kind === 'rebuild' || r.kind === 'env' || r.way === 'image');
  if (last === undefined) return undefined;
  const ways = readRequests(path.join(paths.state, 'runs', last.run));
  if (ways.length === 0) return undefined;
  return ways.reduce((most, { samples }) => Math.max(most, gapOf(samples, endOf(samples)), longestOf(samples)), 0);
}

// Not Math.max(...): a run of hours has more of them than a call may have arguments.
const longestOf = (samples: readonly Sample[]): number => samples.reduce((most, s) => Math.max(most, s.took), 0);

/** When the last of them was answered. */
export const endOf = (samples: readonly Sample[]): number =>
  samples.reduce((end, s) => Math.max(end, s.at + s.took), 0);

/** What a run kept. A line that a crash has torn is left out. */
export function readRequests(run: string): readonly Way[] {
  if (!existsSync(fileOf(run))) return [];
  const ways = new Map<string, { url: string; samples: Sample[] }>();
  for (const line of readFileSync(fileOf(run), 'utf8').split('\n').slice(0, -1)) {
    const way = /^way (\d+) (.+)$/.exec(line);
    if (way?.[1] && way[2]) ways.set(way[1], { url: way[2], samples: [] });
    const sample = /^(\d+) (\d+) (\d+) ([01])$/.exec(line);
    if (sample)
      ways
        .get(sample[1] ?? '')
        ?.samples.push({ at: Number(sample[2]), took: Number(sample[3]), well: sample[4] === '1' });
  }
  return [...ways.values()];
}

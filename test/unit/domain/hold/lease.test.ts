import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasLeftRules, leaseRules, removeLeftRules } from '../../../../lib/domain/hold/lease.ts';
import { commentOf } from '../../../../lib/domain/hold/rules.ts';
import { testOps } from '../../../support/ops.ts';

const FIREWALL = { prefix: [], families: ['ipv4'] } as const;

/** A nat table with nothing but what is put there. */
function table(more: Parameters<typeof testOps>[1] = {}, fails = () => false) {
  let rules: string[] = [];
  const ends: string[] = [];
  const ops = testOps(({ argv, input }) => {
    if (argv[0] === 'iptables') return { stdout: rules.map((r) => `-A ${r}\n`).join('') };
    if (fails()) return { exitCode: 4, stderr: 'Another app is currently holding the xtables lock' };
    const lines = input.toString().split('\n');
    rules = rules.filter((r) => !lines.includes(`-D ${r}`));
    rules.unshift(...lines.flatMap((l) => /^-I (\S+) 1 (.*)$/.exec(l)?.slice(1).join(' ') ?? []));
    ends.push(...rules.flatMap((r) => /--datestop (\S+)/.exec(r)?.[1] ?? []));
    return {};
  }, more);
  const rulesUntil = (until: number) => ({
    ipv4: [`OUTPUT --datestop ${new Date(until).toISOString()} --comment ${commentOf(ops.paths)}`],
    ipv6: [],
  });
  const passes = async (ms: number) => {
    for (let t = 0; t < ms; t += 10) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ops,
    ends,
    rules: () => rules,
    put: (all: string[]) => (rules = all),
    begin: () => leaseRules(ops, FIREWALL, rulesUntil),
    passes,
  };
}

const fullDisk = {
  write: () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  },
};

describe('leaseRules', () => {
  it('renews the rules as long as it lasts, and leaves none', async () => {
    const { ends, rules, begin, passes, ops } = table();
    const lease = await begin();
    expect(hasLeftRules(ops.paths)).toBe(true);
    await passes(500);
    expect(new Set(ends).size).toBeGreaterThan(2);
    await lease.end();
    expect(rules()).toEqual([]);
    expect(hasLeftRules(ops.paths)).toBe(false);
  });

  it('writes down that rules are put and taken away, and no renewal: a slow disk must not end them', async () => {
    const { ops, ends, begin, passes } = table();
    const lease = await begin();
    await passes(500);
    expect(new Set(ends).size).toBeGreaterThan(2);
    await lease.end();
    expect(ops.written.filter((e) => e.event === 'intent')).toHaveLength(2);
  });

  it('renews and ends them also when nothing can be written down, and says so once', async () => {
    const { ops, ends, rules, begin, passes } = table({ journal: fullDisk });
    const lease = await begin();
    await passes(500);
    expect(new Set(ends).size).toBeGreaterThan(2);
    await lease.stop();
    await lease.end();
    expect(rules()).toEqual([]);
    const warnings = ops.shown.filter((e) => e.event === 'warning');
    expect(warnings.map((w) => w.text.en)).toEqual([expect.stringContaining('ENOSPC')]);
  });

  it('holds also where it can not note that it does', async () => {
    const nowhere = path.join('/proc', 'nowhere');
    const { rules, begin, ops } = table();
    Object.assign(ops.paths, { state: nowhere });
    const lease = await begin();
    expect(rules()).toHaveLength(1);
    expect(existsSync(nowhere)).toBe(false);
    await lease.end();
    expect(rules()).toEqual([]);
  });

  it.each(['', 'whalefall-ops-hold-00000000000000ff', 'DOCKER'])(
    'takes away what a killed run left that noted: %s',
    async (noted) => {
      const { ops, rules, put } = table();
      const left = (comment: string) => `OUTPUT --datestop 2026-01-02T03:00:00 --comment ${comment}`;
      put([left(commentOf(ops.paths)), left('whalefall-ops-hold-00000000000000ff'), left('DOCKER')]);
      writeFileSync(path.join(ops.paths.state, 'hold-rules'), noted);
      await removeLeftRules(ops);
      // By the name that the directory had then; only what can be a hold's own.
      const kept = ['whalefall-ops-hold-00000000000000ff', 'DOCKER'].filter((c) => c !== noted || c === 'DOCKER');
      expect(rules()).toEqual(kept.map(left));
      expect(hasLeftRules(ops.paths)).toBe(false);
    },
  );

  it('keeps the note of rules that it could not take away', async () => {
    let stuck = false;
    const { ops, begin } = table({}, () => stuck);
    const lease = await begin();
    stuck = true;
    await lease.end();
    expect(hasLeftRules(ops.paths)).toBe(true);
    expect(ops.shown.map((e) => 'text' in e && e.text.en)).toContainEqual(
      expect.stringContaining('could not be removed'),
    );
  });
});

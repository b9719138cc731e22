import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import type { KeptImage } from '../../../../lib/domain/images/kept.ts';
import { forgetOld, surplus } from '../../../../lib/domain/images/kept-container.ts';
import { forgetReleases, type Release, readReleases, writeRelease } from '../../../../lib/domain/ledger/releases.ts';
import { container, facts } from '../../../support/facts.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call } from '../../../support/scripted-spawn.ts';

const images = fc
  .array(fc.record({ id: fc.integer({ min: 0, max: 9 }), bytes: fc.integer({ min: 0, max: 3e9 }) }), { maxLength: 14 })
  .map((list) => {
    const sizes = new Map(list.map(({ id, bytes }) => [id, bytes]));
    return list.map(
      ({ id }, i): KeptImage => ({ reference: `app:before-${99 - i}`, id: `sha256:${id}`, bytes: sizes.get(id) ?? 0 }),
    );
  });
const needed = fc
  .array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 })
  .map((ids) => new Set(ids.map((id) => `sha256:${id}`)));
const limits = fc.record({ images: fc.integer({ min: 1, max: 6 }), gigabytes: fc.integer({ min: 1, max: 12 }) });

describe('which kept images may go', () => {
  it('never one that is needed, nor one of the tags of an image that stays', () => {
    fc.assert(
      fc.property(images, needed, limits, (all, stays, limit) => {
        const gone = surplus(all, stays, limit);
        const left = all.filter((i) => !gone.includes(i));
        expect(gone.filter((i) => stays.has(i.id))).toEqual([]);
        expect(gone.filter((g) => left.some((l) => l.id === g.id))).toEqual([]);
      }),
    );
  });

  it('as many as are too many or too large, but for those that are needed', () => {
    fc.assert(
      fc.property(images, needed, limits, (all, stays, limit) => {
        const gone = surplus(all, stays, limit);
        const left = new Map(all.filter((i) => !gone.includes(i)).map((i) => [i.id, i.bytes]));
        const onlyNeeded = [...left.keys()].every((id) => stays.has(id));
        const bytes = [...left.values()].reduce((sum, b) => sum + b, 0);
        expect(onlyNeeded || (left.size <= limit.images && bytes <= limit.gigabytes * 1e9)).toBe(true);
      }),
    );
  });

  it('the oldest first, and none while all fit', () => {
    fc.assert(
      fc.property(images, needed, limits, (all, stays, limit) => {
        const gone = surplus(all, stays, limit);
        const firstGone = all.findIndex((i) => gone.includes(i));
        const after = firstGone < 0 ? [] : all.slice(firstGone).filter((i) => !gone.includes(i));
        const newer = new Set(all.slice(0, Math.max(firstGone, 0)).map((i) => i.id));
        expect(after.filter((i) => !stays.has(i.id) && !newer.has(i.id))).toEqual([]);
        expect(surplus(all, stays, { images: 99, gigabytes: 999 })).toEqual([]);
      }),
    );
  });
});

const entry = (n: number, more: Partial<Release> = {}): Release => ({
  at: '2026-01-02T03:04:05Z',
  kind: 'rebuild',
  commit: String(n).padStart(40, 'a'),
  subject: 'A release',
  imageId: `sha256:${n}`,
  run: `run-${n}`,
  ...more,
});

describe('the ledger', () => {
  it('survives a torn line and one of another version', () => {
    const { paths } = testOps(() => undefined);
    writeRelease(paths, entry(1));
    const file = `${paths.state}/releases`;
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"at":"2026","kind":"new"}\n{"at":"20`);
    expect(readReleases(paths)).toEqual([entry(1)]);
  });

  it.each([
    { imageId: '--privileged' },
    { previousImage: '-v=/:/host' },
    { run: '../../heads/main' },
    { run: '--delete' },
    { commit: 'HEAD' },
  ])('passes over a line that would be an option, or another ref: %o', (more) => {
    const { paths } = testOps(() => undefined);
    writeRelease(paths, entry(1));
    writeRelease(paths, entry(2, more));
    expect(readReleases(paths)).toEqual([entry(1)]);
  });

  it('never throws, whatever lies there', () => {
    const { paths } = testOps(() => undefined);
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .tuple(fc.constantFrom('at', 'kind', 'commit', 'backup'), fc.jsonValue())
        .map(([k, v]) => JSON.stringify({ ...entry(1), [k]: v })),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 3 }), (lines) => {
        writeFileSync(`${paths.state}/releases`, lines.join('\n'));
        readReleases(paths);
      }),
    );
  });

  it('is bounded by its oldest lines', async () => {
    const { paths } = testOps(() => undefined);
    for (const n of [1, 2, 3]) writeRelease(paths, entry(n));
    expect(await forgetReleases(paths, 3)).toEqual([]);
    expect(await forgetReleases(paths, 2)).toEqual([entry(1)]);
    expect(readReleases(paths)).toEqual([entry(2), entry(3)]);
  });
});

/** An engine with kept images; the container runs `sha256:run`. */
function engine(tags: Record<string, string>, moved: Record<string, string> = {}) {
  const app = container('app', { imageId: 'sha256:run' });
  const labels = { 'com.docker.compose.service': 'whalefall' };
  return ({ argv }: Call) => {
    const [, what = '', verb = ''] = argv;
    if (argv[0] === 'git') return {};
    if (what === 'ps') return { stdout: `${app.id}\n` };
    if (what === 'inspect')
      return {
        stdout: JSON.stringify([
          {
            Id: app.id,
            Name: app.name,
            Image: app.imageId,
            RestartCount: 0,
            Mounts: [],
            State: { StartedAt: '2026-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z', Status: 'running' },
            Config: { Labels: labels },
            NetworkSettings: { Ports: null, Networks: {} },
          },
        ]),
      };
    if (verb === 'ls')
      return {
        stdout: Object.keys(tags)
          .map((t) => `whalefall:${t}\n`)
          .join(''),
      };
    if (verb === 'rm' || what === 'tag') return {};
    if (verb !== 'inspect') return undefined;
    const [format = '', ...names] = argv.slice(4);
    if (format.includes('Size')) return { stdout: names.map((n) => `${tags[n.split(':')[1] ?? '']} 1000\n`).join('') };
    const [name = ''] = names;
    if (format.includes('RepoTags')) return { stdout: '["whalefall:prod"]\n' };
    if (name === 'whalefall:prod') return { stdout: 'sha256:run\n' };
    const tag = name.split(':')[1] ?? '';
    return { stdout: `${moved[tag] ?? tags[tag]}\n` };
  };
}

describe('forgetting', () => {
  const tags = {
    'before-4': 'sha256:run',
    'before-3': 'sha256:c',
    'before-2': 'sha256:b',
    'before-1': 'sha256:a',
    prod: 'x',
  };
  const target = targetFor('/opt/x', { keep: { images: 1, gigabytes: 1, releases: 2 } });
  const removed = (ops: ReturnType<typeof testOps>) =>
    ops.scripted.calls.map((c) => c.argv.join(' ')).filter((c) => /image rm|update-ref/.test(c));

  it('removes by tag what is surplus: not what runs, not the one before, nothing of another name', async () => {
    const ops = testOps(engine(tags), { target });
    writeRelease(ops.paths, entry(1, { previousImage: 'whalefall:before-2' }));
    await forgetOld(ops, facts().stack);
    expect(removed(ops)).toEqual(['docker image rm whalefall:before-3', 'docker image rm whalefall:before-1']);
  });

  it('gives up what a failed run kept before what a release did', async () => {
    const ops = testOps(engine(tags), { target: targetFor('/opt/x', { keep: { ...target.keep, images: 3 } }) });
    writeRelease(ops.paths, entry(1, { previousImage: 'whalefall:before-1' }));
    writeRelease(ops.paths, entry(2, { previousImage: 'whalefall:before-2' }));
    await forgetOld(ops, facts().stack);
    expect(removed(ops)).toEqual(['docker image rm whalefall:before-3']);
  });

  it('leaves a tag alone that somebody has moved meanwhile', async () => {
    const ops = testOps(engine(tags, { 'before-3': 'sha256:other' }), { target });
    writeRelease(ops.paths, entry(1, { previousImage: 'whalefall:before-2' }));
    await forgetOld(ops, facts().stack);
    expect(removed(ops)).toEqual(['docker image rm whalefall:before-1']);
  });

  it('forgets the git ref together with the line, only while it is at that commit', async () => {
    const ops = testOps(engine({}), { target });
    for (const n of [1, 2, 3]) writeRelease(ops.paths, entry(n));
    await forgetOld(ops, facts().stack);
    expect(removed(ops)).toEqual([
      expect.stringMatching(new RegExp(`update-ref -d -- refs/whalefall-ops/releases/run-1 ${entry(1).commit}$`)),
    ]);
  });

  it('goes on with all others where one image is still in use', async () => {
    const there = engine(tags);
    const inUse = 'whalefall:before-3';
    const ops = testOps(
      (call) => (call.argv.slice(2).join(' ') === `rm ${inUse}` ? { exitCode: 1, stderr: 'is using it' } : there(call)),
      { target },
    );
    for (const n of [1, 2, 3]) writeRelease(ops.paths, entry(n, { previousImage: 'whalefall:before-2' }));
    await forgetOld(ops, facts().stack);
    expect(removed(ops)).toEqual([
      `docker image rm ${inUse}`,
      'docker image rm whalefall:before-1',
      expect.stringContaining('update-ref -d'),
    ]);
    const said = ops.shown.map((e) => (e.event === 'warning' || e.event === 'info' ? e.text.en : ''));
    expect(said).toEqual([expect.stringMatching(/is using it/), expect.stringMatching(/removed: before-1 \(/)]);
  });

  it('fails no release that is proved', async () => {
    const ops = testOps(({ argv }) => (argv[1] === 'image' ? { exitCode: 1, stderr: 'no engine' } : {}), { target });
    await forgetOld(ops, facts().stack);
    expect(ops.shown).toEqual([expect.objectContaining({ event: 'warning' })]);
  });
});

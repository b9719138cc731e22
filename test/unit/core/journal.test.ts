import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type JournalEvent, openJournal, parseJournal } from '../../../lib/core/journal.ts';

const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY }));

// A disk that takes only so many bytes: a write is cut short by it, and the next one fails.
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    writeSync: (fd: number, data: Buffer, offset: number) => {
      if (disk.room === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      const written = fs.writeSync(fd, data, offset, Math.min(data.length - offset, disk.room));
      disk.room -= written;
      return written;
    },
  };
});

const foreign = fc.string({ unit: 'binary', maxLength: 12 });
const anyEvent: fc.Arbitrary<JournalEvent> = fc.oneof(
  fc.record({ event: fc.constant('intent' as const), command: foreign }),
  fc.record({ event: fc.constant('step-start' as const), step: foreign }),
  fc.record({ event: fc.constant('step-failed' as const), step: foreign, error: foreign }),
  fc.record({ event: fc.constant('note' as const), key: foreign, value: fc.jsonValue() }),
  fc.record({ event: fc.constant('run-end' as const), exitCode: fc.nat(255), verdict: foreign }),
);

function journalFile(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'whalefall-ops-journal-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return path.join(dir, 'journal');
}

const withoutPlace = (entries: readonly object[]) =>
  entries.map(({ seq: _seq, at: _at, ...event }: object & { seq?: number; at?: string }) => event);

it('reads what was written, cut off at any byte, as its beginning and a torn last line', () => {
  const file = journalFile();
  let cuts = 0;
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 5 }), (events) => {
      rmSync(file, { force: true });
      const journal = openJournal(file, () => 0);
      const ends = events.map((event) => {
        journal.write(event);
        return readFileSync(file).length;
      });
      journal.close();
      const bytes = readFileSync(file);
      const expected = JSON.parse(JSON.stringify(events)) as JournalEvent[];
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        cuts += 1;
        const { entries, torn } = parseJournal(bytes.subarray(0, cut).toString('utf8'));
        const whole = ends.filter((end) => end <= cut).length;
        if (JSON.stringify(withoutPlace(entries)) !== JSON.stringify(expected.slice(0, whole)))
          throw new Error(`cut at ${cut}: ${JSON.stringify(entries)}`);
        if (torn !== (cut > 0 && !ends.includes(cut))) throw new Error(`cut at ${cut}: torn ${torn}`);
      }
    }),
    { numRuns: 30 },
  );
  expect(cuts).toBeGreaterThan(2000);
});

it('survives bytes that were never written: a power cut leaves zeros', () => {
  const line = '{"seq":1,"at":"2026-01-02T03:04:05.000Z","event":"step-start","step":"stop"}\n';
  const { entries, torn } = parseJournal(`${line}${'\0'.repeat(64)}`);
  expect(entries).toMatchObject([{ event: 'step-start', step: 'stop' }]);
  expect(torn).toBe(true);
});

it('passes over what a newer version wrote', () => {
  const newer = '{"seq":1,"at":"2026-01-02T03:04:05.000Z","event":"moon-phase","phase":"full"}\n';
  expect(parseJournal(newer)).toEqual({ entries: [], torn: false });
});

it('never throws, whatever lies there', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseJournal(text)));
});

it('leaves no half line on a full disk: what is written later can be read', () => {
  const file = journalFile();
  const journal = openJournal(file, () => 0);
  journal.write({ event: 'step-start', step: 'one' });
  disk.room = 10;
  onTestFinished(() => {
    disk.room = Number.POSITIVE_INFINITY;
  });
  expect(() => journal.write({ event: 'step-start', step: 'two' })).toThrow('ENOSPC');
  disk.room = Number.POSITIVE_INFINITY;
  expect(journal.write({ event: 'run-end', exitCode: 1, verdict: 'full' })).toBe(2);
  journal.close();
  expect(parseJournal(readFileSync(file, 'utf8'))).toMatchObject({
    entries: [
      { seq: 1, step: 'one' },
      { seq: 2, event: 'run-end' },
    ],
    torn: false,
  });
});

it('is not written any more once the run has ended: its descriptor may be another file’s by then', () => {
  const file = journalFile();
  const journal = openJournal(file, () => 0);
  journal.write({ event: 'step-start', step: 'stop' });
  journal.close();
  const other = openJournal(`${file}-other`, () => 0);
  expect(() => journal.write({ event: 'step-failed', step: 'stop', error: '' })).toThrow(
    'step-failed after the end of the run',
  );
  other.close();
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(2);
  expect(readFileSync(`${file}-other`, 'utf8')).toBe('');
});

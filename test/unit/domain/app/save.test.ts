import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';

const LIST = 'old.json';

/** A place where `before` lies, and a run's way of keeping what it is about to replace there. */
function there(before: Readonly<Record<string, string>>) {
  const root = mkdtempSync(path.join(os.tmpdir(), 'save-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const put = (name: string, text: string) => writeFileSync(path.join(root, name), text);
  for (const [name, text] of Object.entries(before)) put(name, text);
  const save = (run: string, names: readonly string[], killed: readonly string[] = []) => {
    const into = path.join(root, run, 'old');
    mkdirSync(into, { recursive: true });
    const paths = names.map((name) => path.join(root, name));
    const args = { paths, into, list: LIST, killed: killed.map((k) => path.join(root, k)) };
    const said = execFileSync('python3', ['-'], { input: sourceOf('save', args), encoding: 'utf8' });
    const {
      there: was,
      absent,
      ofKilled,
    } = JSON.parse(said) as Record<'there' | 'absent', string[]> & { ofKilled: boolean };
    const bare = (all: string[]) => all.map((p) => path.basename(p)).sort();
    return { there: bare(was), absent: bare(absent), ofKilled };
  };
  const kept = (run: string, name: string) => {
    const file = path.join(root, run, 'old', root, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  return { root, put, save, kept };
}

it('keeps what there is, and tells it from what there is not', () => {
  const { save, kept } = there({ a: 'former a' });
  expect(save('one', ['a', 'b'])).toEqual({ there: ['a'], absent: ['b'], ofKilled: false });
  expect([kept('one', 'a'), kept('one', 'b')]).toEqual(['former a', undefined]);
});

it('goes back behind runs that were killed, to what the first of them had found', () => {
  const { root, put, save, kept } = there({ a: 'former a', c: 'former c' });
  save('one', ['a', 'b']);
  rmSync(path.join(root, 'a')); // by renames, as a release is put in place
  for (const name of ['a', 'b']) put(name, 'of one');
  expect(save('two', ['a', 'c'], ['one'])).toEqual({ there: ['a', 'c'], absent: ['b'], ofKilled: true });
  rmSync(path.join(root, 'c'));
  for (const name of ['a', 'c']) put(name, 'of two');
  expect(save('three', ['d'], ['one', 'two'])).toEqual({ there: ['a', 'c'], absent: ['b', 'd'], ofKilled: true });
  expect(['a', 'b', 'c'].map((name) => kept('three', name))).toEqual(['former a', undefined, 'former c']);
});

it('does not count a run that was killed before all was kept', () => {
  const { root, put, save, kept } = there({ a: 'former a' });
  save('one', ['a']);
  rmSync(path.join(root, 'one', LIST));
  put('a', 'edited');
  expect(save('two', ['a'], ['one'])).toEqual({ there: ['a'], absent: [], ofKilled: false });
  expect(kept('two', 'a')).toBe('edited');
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';

it('says what Python says of files that it does not accept, by where they will lie, and leaves nothing beside them', () => {
  const staged = mkdtempSync(path.join(os.tmpdir(), 'compile-'));
  onTestFinished(() => rmSync(staged, { recursive: true }));
  const files = {
    'good.py': 'x: int = 1\n',
    'latin.py': Buffer.from('# coding: latin-1\nname = "\xe9"\n', 'latin1'),
    'bad.py': 'def f(:\n',
    'bytes.py': Buffer.from('name = "\xe9"\n', 'latin1'),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(staged, name), text);
  const input = sourceOf('compile', { staged, root: '/app', files: [...Object.keys(files), 'gone.py'] });
  const errors: { path: string; why: string }[] = JSON.parse(
    execFileSync('python3', ['-'], { input, encoding: 'utf8' }),
  );
  expect(errors.map((e) => e.path)).toEqual(['bad.py', 'bytes.py', 'gone.py']);
  expect(errors[0]?.why).toMatch(/File "\/app\/bad\.py", line 1[\s\S]*SyntaxError/);
  expect(readdirSync(staged).sort()).toEqual(Object.keys(files).sort());
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sourceOf } from '../../../../lib/domain/app/agent.ts';
import { isContentOf, lookAround } from '../../../../lib/domain/app/inventory.ts';
import { testOps } from '../../../support/ops.ts';

const released = (run: string) => ({ commit: 'a'.repeat(40), run });

const around = (contents: Record<string, string | null>) =>
  lookAround(
    testOps(() => ({ stdout: JSON.stringify({ files: {}, elsewhere: {}, contents }) })),
    'app',
    [],
  );

it('knows what the container says it runs, and what killed runs left', async () => {
  const { marker, cutShort } = await around({
    '/app/.whalefall-release.json': `${JSON.stringify(released('serves'))}\n`,
    '/app/.whalefall-staging': null,
    '/app/.whalefall-staging/one/.whalefall-release.json': JSON.stringify(released('one')),
    '/app/.whalefall-staging/two/.whalefall-release.json': '{"commit": cut off',
  });
  expect(marker).toEqual(released('serves'));
  expect(cutShort).toEqual({ staging: true, releases: [released('one')] });
});

it('knows of an empty staging directory, and of none', async () => {
  expect((await around({ '/app/.whalefall-staging': null })).cutShort).toEqual({ staging: true, releases: [] });
  expect(await around({})).toMatchObject({ marker: undefined, cutShort: { staging: false, releases: [] } });
});

/** The script as the container runs it, on a directory of this machine. */
function inventoryOf(root: string, before = ''): Record<string, { mode: string; blob: string; normalized?: string[] }> {
  const input = before + sourceOf('inventory', { root, skipped: ['.git'], also: [], contents: [] });
  return JSON.parse(execFileSync('python3', ['-'], { input, encoding: 'utf8' })).files;
}

it('knows what git has in files that were checked out with other line ends, keywords and encodings', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'inventory-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const files = {
    '.gitattributes': [
      '* text eol=crlf',
      '*.s ident',
      '*.g working-tree-encoding=GBK',
      'own.g -working-tree-encoding',
      '/top.t working-tree-encoding=GBK',
      'deep/**/*.u working-tree-encoding=UTF-16LE-BOM',
      'deep/one/*.t working-tree-encoding=GBK',
      'below/*.g working-tree-encoding=GB18030',
      'below/*.t working-tree-encoding=GBK\n',
    ].join('\n'),
    'below/.gitattributes': '/*.g working-tree-encoding=UTF-16LE-BOM\n',
    'beyond/.gitattributes': '/*.t working-tree-encoding=UTF-16LE-BOM\n',
    'a.py': 'one\ntwo\n',
    'b.s': '# $Id$\nx\n',
    c: 'no end',
    'd.g': '鲸落\n',
    'own.g': '鲸落\n',
    'top.t': '鲸落\n',
    'deep/top.t': '鲸落\n',
    'deep/a.u': '鲸落 $x\n',
    'deep/one/two/b.u': '鲸落 $x\n',
    'deep/one/c.t': '鲸落\n',
    'deep/one/two/d.t': '鲸落\n',
    'deep/x.g': '鲸落\n',
    'beyond/y.g': '鲸落\n',
    'below/y.t': '鲸落\n',
    'below/e.u.g': '鲸落 😀\n',
    'f.g': '数据\n',
    'by-hand.py': '数据\n',
  };
  git('init', '-q');
  const gbk = new Set(['d.g', 'deep/x.g', 'beyond/y.g', 'below/y.t', 'top.t', 'deep/one/c.t', 'f.g']);
  const encoded = (name: string, text: string) => {
    if (gbk.has(name)) return execFileSync('iconv', ['-t', 'GBK'], { input: text });
    return name.includes('.u') ? Buffer.from(`\ufeff${text}`, 'utf16le') : text;
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), encoded(name, text));
  }
  git('add', '.');
  git('commit', '-qm', 'as it is');
  for (const name of Object.keys(files)) rmSync(path.join(root, name));
  git('checkout', '-q', '.');
  expect(readFileSync(path.join(root, 'b.s'), 'utf8')).toMatch(/^# \$Id: [0-9a-f]{40} \$\r\nx\r\n$/);

  expect(readFileSync(path.join(root, 'd.g'))).toEqual(encoded('d.g', '鲸落\r\n'));
  expect(git('show', 'HEAD:d.g')).toBe('鲸落\n');

  writeFileSync(path.join(root, 'c'), 'changed by hand\r\n');
  writeFileSync(path.join(root, 'f.g'), encoded('f.g', '数据库\r\n'));
  for (const name of ['own.g', 'by-hand.py'])
    writeFileSync(
      path.join(root, name),
      execFileSync('iconv', ['-t', 'GBK'], { input: files[name as keyof typeof files] }),
    );
  const found = inventoryOf(root);
  const had = (name: string) => ({ mode: '100644', blob: git('rev-parse', `HEAD:${name}`).trim() });
  const changed = Object.entries(found).filter(([name, file]) => !isContentOf(file, had(name)));
  expect(Object.keys(found).sort()).toEqual(Object.keys(files).sort());
  expect(changed.map(([name]) => name).sort()).toEqual(['by-hand.py', 'c', 'f.g', 'own.g']);
});

it('takes a file that goes while it looks for one that is not there', () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'inventory-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const name of ['stays', 'goes']) writeFileSync(path.join(root, name), name);
  const going = `import os
def lstat(path, look=os.lstat):
    if path.endswith("goes"):
        os.unlink(path)
    return look(path)
os.lstat = lstat
`;
  expect(Object.keys(inventoryOf(root, going))).toEqual(['stays']);
});

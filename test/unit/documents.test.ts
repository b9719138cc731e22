import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { targetSchema } from '../../lib/core/target.ts';
import { CHECKS } from '../../lib/flows/doctor/checks.ts';
import { readCommandLine } from '../../lib/runs/command-line/command-line.ts';
import type { Script } from '../../lib/runs/command-line/script.ts';
import { applyEnv } from '../../scripts/apply-env.ts';
import { backupProd } from '../../scripts/backup-prod.ts';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { doctorScript } from '../../scripts/doctor.ts';
import { maintenanceScript } from '../../scripts/maintenance.ts';
import { notifyScript } from '../../scripts/notify.ts';
import { rehearseDisaster } from '../../scripts/rehearse.ts';
import { restoreProd } from '../../scripts/restore-prod.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { runsScript } from '../../scripts/runs.ts';
import { updateProdFlask } from '../../scripts/update-prod-flask.ts';
import { upgradePostgres } from '../../scripts/upgrade-postgres.ts';
import { runAdhoc } from '../support/adhoc-world.ts';

// What people copy from the documents must be understood by the scripts as they are: names, commands, options, values.
const ROOT = path.join(import.meta.dirname, '../..');
const SCRIPTS: readonly Script[] = [
  applyEnv,
  backupProd,
  deployProdAll,
  doctorScript,
  notifyScript,
  rehearseDisaster,
  restoreProd,
  rollbackProd,
  maintenanceScript,
  runsScript,
  updateProdFlask,
  upgradePostgres,
];
/** Those of `scripts/adhoc/`, called by their path below `scripts/`. */
const ADHOC = new Map<string, Script>(
  await Promise.all(
    readdirSync(path.join(ROOT, 'scripts/adhoc')).map(async (file): Promise<[string, Script]> => {
      const name = file.replace(/\.ts$/, '');
      const { default: script } = (await import(`../../scripts/adhoc/${name}.ts`)) as { default: Script };
      return [`adhoc/${script.name}`, script];
    }),
  ),
);
const scriptOf = (named: string): Script | undefined => SCRIPTS.find(({ name }) => name === named) ?? ADHOC.get(named);
const DOCUMENTS = [
  ...['README.md', 'README.zh-CN.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(path.join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

const PUBLIC_KEY = `age1${'q'.repeat(58)}`;

/** What stands in place of a real path, name or key becomes one: a single word of the right form. */
const words = (typed: string): string[] =>
  (
    typed
      .replace(/<[^<>]*>/g, 'placeholder')
      .replaceAll('age1…', PUBLIC_KEY)
      .match(/"[^"]*"|\S+/g) ?? []
  ).map((word) => word.replaceAll('"', ''));

interface Typed {
  readonly script: string;
  readonly argv: readonly string[];
}

/** Calls of our scripts in what stands between backquotes, in code blocks, and in output that says what to type next. */
function callsIn(markdown: string): Typed[] {
  const code = [
    ...markdown.matchAll(/^```\w*\n([\s\S]*?)^```/gm),
    ...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g),
  ].map(([, inside = '']) => inside);
  return code
    .flatMap((text) => text.split(/\n|&&/))
    .flatMap((line): Typed[] => {
      const [typed = ''] = line.split(/ #| {2,}(?=[^\s"])/);
      const [, script, rest] =
        /(?:^|[$\s])ops ((?:adhoc\/)?[a-z\d-]+)(?=\s|$)(.*)$/.exec(typed) ??
        /scripts\/((?:adhoc\/)?[a-z\d-]+)\.ts(.*)$/.exec(typed) ??
        [];
      return script === undefined || rest === undefined ? [] : [{ script, argv: words(rest.replace(/[;:)].*$/, '')) }];
    });
}

it.each(DOCUMENTS)('%s: its commands are what the scripts take', (file) => {
  const calls = callsIn(read(file));
  if (/runbook|rebuild|update|backups|rollback|drill|adhoc|README/.test(file)) expect(calls.length).toBeGreaterThan(0);
  for (const { script, argv } of calls) {
    const shown = `${file}: ${script} ${argv.join(' ')}`;
    const found = scriptOf(script);
    if (found === undefined) throw new Error(`${shown}: there is no such script`);
    // A mere name in a sentence is no command line.
    if (argv.length > 0) expect(() => readCommandLine(found, argv), shown).not.toThrow();
  }
});

it.each(DOCUMENTS)('%s: its npm commands exist, its links lead somewhere', (file) => {
  const text = read(file);
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const [, name = ''] of text.matchAll(/npm run ([\w:-]+)/g)) expect(Object.keys(scripts), file).toContain(name);
  for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(link)) continue;
    const [target = '', anchor] = link.split('#');
    const to = target === '' ? file : path.join(path.dirname(file), target);
    expect(existsSync(path.join(ROOT, to)), `${file} → ${link}`).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(read(to)), `${file} → ${link}`).toContain(anchor);
  }
});

/** As the usual renderers make them from headings. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );

it('has each page in both languages, each leading to the other', () => {
  const pages = DOCUMENTS.filter((file) => /^(README|docs\/)/.test(file));
  for (const file of pages) {
    const other = file.endsWith('.zh-CN.md') ? file.replace('.zh-CN.md', '.md') : file.replace(/\.md$/, '.zh-CN.md');
    expect(pages).toContain(other);
    expect(read(file), file).toContain(`](${path.basename(other)})`);
  }
});

it('tells of every script of scripts/adhoc', () => {
  for (const file of ['docs/adhoc-scripts.md', 'docs/adhoc-scripts.zh-CN.md']) {
    const told = callsIn(read(file)).map(({ script }) => script);
    for (const name of ADHOC.keys()) if (name !== 'adhoc/template') expect(told, file).toContain(name);
  }
});

it('tells every check of the doctor, as it explains itself', () => {
  for (const [file, language] of [
    ['docs/doctor.md', 'en'],
    ['docs/doctor.zh-CN.md', 'zh'],
  ] as const) {
    const rows = read(file)
      .split('\n')
      .filter((line) => /^\| `[a-z]+\.[a-z-]+`/.test(line) && line.split('|').length === 5);
    const wanted = CHECKS.map(({ id, when, title, meaning }) => {
      const later = when === 'next-restart' ? ' ⏻' : '';
      return `| \`${id}\`${later} | ${title[language]} | ${meaning[language]} |`;
    });
    expect([...rows].sort(), file).toEqual(wanted.sort());
  }
});

it.each([
  ['README.md', 'asks # things at once'],
  ['README.zh-CN.md', '同时检查 # 项'],
  ['docs/reliability.md', 'each of its # checks has a fault'],
  ['docs/reliability.zh-CN.md', '# 个检查项各有一个'],
])('%s: counts them', (file, words) => {
  expect(read(file)).toContain(words.replace('#', String(CHECKS.length)));
});

it('names no check of the doctor that there is not', () => {
  const areas = new Set(CHECKS.map(({ id }) => id.split('.')[0]));
  const ids = new Set(CHECKS.map(({ id }) => id));
  for (const file of DOCUMENTS.filter((name) =>
    /doctor|runbook|full-rebuild|hot-update|backups|drill|rollback|alerts|README/.test(name),
  )) {
    for (const [, id = ''] of read(file).matchAll(/`([a-z]+\.[a-z][a-z-]*)`/g))
      if (areas.has(id.split('.')[0]) && !/\.(ts|md|py|env|dump|tar|conf)$/.test(id))
        expect([...ids], `${file}: ${id}`).toContain(id);
  }
});

/** Files of the library, below its root. */
const sourcesIn = (under: string): string[] =>
  readdirSync(path.join(ROOT, under), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** Calls of our scripts in texts that the library shows: a command ends where a sentence or a remark goes on. */
function offeredIn(under: string): (Typed & { readonly shown: string; readonly found: Script | undefined })[] {
  return sourcesIn(under).flatMap((file) => {
    const source = read(`${under}/${file}`).replace(/^\s*(\/\/|\/?\*).*$/gm, '');
    const whole = source.replace(/\$\{(?!SCRIPTS)[^{}]*\}/g, 'placeholder');
    // The doctor names them alone, and has the rest put before them.
    const named = /(npx tsx scripts\/|\$\{SCRIPTS\}|['`])((?:adhoc\/)?[a-z-]+)\.ts(?=[ '`.])([^'`]*)/g;
    return [...whole.matchAll(named)].flatMap(([, before = '', script = '', rest = '']) => {
      const argv = words(rest.replace(/(?:[,;:()#]|\.(?= |$)|&&| {2}).*$/s, ''));
      const found = scriptOf(script);
      if (before.length === 1 && found === undefined) return [];
      return [{ script, argv, shown: `${under}/${file}: ${script} ${argv.join(' ')}`, found }];
    });
  });
}

it('offers only commands that the scripts take', () => {
  const offered = offeredIn('lib');
  expect(offered.length).toBeGreaterThan(100);
  for (const { argv, shown, found } of offered) {
    if (found === undefined) throw new Error(`${shown}: there is no such script`);
    if (argv.length > 0) expect(() => readCommandLine(found, argv), shown).not.toThrow();
  }
});

const CHANNEL = { kind: 'slack', name: 'placeholder', url: { env: 'NOT_SET' } };

it('offers nothing by the doctor that a script refuses for want of an option', async () => {
  const commands = new Map(offeredIn('lib/flows/doctor').map((one) => [`${one.script} ${one.argv.join(' ')}`, one]));
  expect(commands.size).toBeGreaterThan(15);
  for (const { argv, shown, found } of commands.values()) {
    if (found === undefined) throw new Error(`${shown}: there is no such script`);
    const answer = () => ({ exitCode: 1 });
    const { exitCode, stdout } = await runAdhoc(found, { argv, answer, config: { notify: { channels: [CHANNEL] } } });
    expect(exitCode, `${shown}\n${stdout}`).not.toBe(2);
  }
});

it.each(['docs/target.md', 'docs/target.zh-CN.md'])('%s: shows the defaults as they are, and tells of each', (file) => {
  const defaults = targetSchema.parse({});
  const [, block = ''] = /^```json\n([\s\S]*?)^```/m.exec(read(file)) ?? [];
  expect(JSON.parse(block)).toEqual(defaults);
  const rows = read(file).match(/^\| `.*$/gm) ?? [];
  const { release, ...others } = defaults;
  for (const key of [...Object.keys(others), ...Object.keys(release).map((name) => `release.${name}`)])
    expect(
      rows.filter((row) => row.split('|')[1]?.includes(`\`${key}\``)),
      key,
    ).toHaveLength(1);
});

it('has a README that can be read in one go', () => {
  for (const file of ['README.md', 'README.zh-CN.md']) expect(read(file).split('\n').length, file).toBeLessThan(251);
});

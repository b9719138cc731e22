import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Language, languageOf, SandboxError, say, speak, tell } from '../sandbox/run.ts';
import { accept } from './accept.ts';
import { bringUp, takeDown } from './place.ts';
import { documentOf, FILES, installed, type Outcome, RESULTS, type Result, type Results } from './results.ts';
import { PARTS, type Part, SURROUNDINGS, type Surrounding } from './surroundings.ts';
import { WORK } from './trees.ts';
import { versionsIn } from './versions.ts';

const ROOT = path.join(import.meta.dirname, '../..');

const HELP = {
  en: `npm run matrix -- [options]

Run the acceptance in each surrounding, and write docs/compatibility.md. Needs root on Debian and the engine of
  npm run sandbox -- --install-docker

  --list            the surroundings and the parts of the acceptance
  --only <name>     this surrounding; the beginning of its name is enough, and a comma separates several
  --part <part>     this part of the acceptance only, or several; what ran before is brought up again if need be
  --keep            leave the surrounding as it is, for a further --part
  --down            remove what --keep has left
  --lang en|zh      the language of messages`,
  zh: `npm run matrix -- [选项]

在每种环境中执行验收, 并写入 docs/compatibility.md. 需要 Debian 上的 root, 以及以下命令提供的引擎:
  npm run sandbox -- --install-docker

  --list            列出各环境与验收的各部分
  --only <名称>     只测该环境; 写名称的开头即可, 多个以逗号分隔
  --part <部分>     只执行验收的该部分, 可多个; 环境未就绪时会先搭建
  --keep            保留环境, 以便再用 --part 继续
  --down            清除 --keep 留下的环境
  --lang en|zh      提示语言`,
};

// What is under way ends by the same signal; what came out until then is written down, and the surrounding stays.
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopped = true;
  });
}

/** Run the command line; answers the exit code. */
async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      list: { type: 'boolean', default: false },
      only: { type: 'string' },
      part: { type: 'string' },
      keep: { type: 'boolean', default: false },
      down: { type: 'boolean', default: false },
      lang: { type: 'string', default: languageOf(process.env) },
      help: { type: 'boolean', default: false },
    },
  });
  speak(values.lang as Language);
  const surroundings = chosen(SURROUNDINGS, values.only, ({ name }, wanted) => name.startsWith(wanted));
  const parts = chosen(PARTS, values.part, (part, wanted) => part === wanted);
  if (values.help || surroundings.length === 0 || parts.length === 0) {
    console.log(tell(HELP));
    return values.help ? 0 : 2;
  }
  if (values.list) {
    for (const { name, title } of SURROUNDINGS) console.log(`${name.padEnd(20)} ${tell(title)}`);
    console.log(`\n${PARTS.join(', ')}`);
    return 0;
  }
  if (process.getuid?.() !== 0) {
    throw new SandboxError({ en: 'The matrix needs root.', zh: '兼容性矩阵需要 root 权限.' });
  }
  let well = true;
  for (const surrounding of surroundings) {
    if (!values.down) well = (await run(surrounding, parts)) && well;
    if (stopped) return 143;
    if (!values.keep) well = (await remove(surrounding)) && well;
  }
  return well ? 0 : 1;
}

/** @returns whether all went well. */
async function run(surrounding: Surrounding, asked: readonly Part[]): Promise<boolean> {
  say({ en: `\n== ${surrounding.name}`, zh: `\n== ${surrounding.name}` });
  const place = await bringUp(surrounding);
  // All others begin with its stack.
  const stands = path.join(WORK, surrounding.name, 'installed');
  const parts: readonly Part[] = asked.includes('install') || existsSync(stands) ? asked : ['install', ...asked];
  let well = true;
  for (const part of parts) {
    if (stopped) break;
    const outcomes = await accept(place, part);
    well = recorded(surrounding, outcomes) && well;
    if (part !== 'install') continue;
    // Nothing that comes after it could work.
    if (!well) break;
    writeFileSync(stands, '');
    record(surrounding, (before) => installed(before, versionsIn(place), Object.keys(outcomes)));
  }
  return well;
}

/** Takes away what there is of a surrounding. @returns whether the scripts had left nothing. */
async function remove(surrounding: Surrounding): Promise<boolean> {
  if (!existsSync(path.join(WORK, surrounding.name))) return true;
  const well = recorded(surrounding, await accept(await bringUp(surrounding), 'down'));
  await takeDown(surrounding);
  if (!SURROUNDINGS.some(({ name }) => existsSync(path.join(WORK, name)))) rmSync(WORK, { recursive: true });
  return well;
}

/** @returns whether all went well. */
function recorded(surrounding: Surrounding, outcomes: Readonly<Record<string, Outcome>>): boolean {
  const date = new Date().toISOString().slice(0, 10);
  const cases = Object.fromEntries(Object.entries(outcomes).map(([title, outcome]) => [title, { ...outcome, date }]));
  record(surrounding, (before) => ({ ...before, cases: { ...before.cases, ...cases } }));
  for (const [name, { seconds, failure }] of Object.entries(outcomes)) {
    console.log(failure === undefined ? `✓ ${name} (${seconds} s)` : `✗ ${name}\n    ${failure}`);
  }
  return Object.values(outcomes).every(({ failure }) => failure === undefined);
}

/** Writes down what came out, and the documents anew: whoever stops half-way keeps what was run. */
function record({ name }: Surrounding, change: (before: Result) => Result): void {
  const all = JSON.parse(readFileSync(path.join(ROOT, RESULTS), 'utf8')) as Results;
  const results = { ...all, [name]: change(all[name] ?? { versions: {}, cases: {} }) };
  writeFileSync(path.join(ROOT, RESULTS), `${JSON.stringify(results, null, 2)}\n`);
  for (const language of ['en', 'zh'] as const)
    writeFileSync(path.join(ROOT, FILES[language]), documentOf(results, language));
}

function chosen<T>(all: readonly T[], text: string | undefined, is: (one: T, wanted: string) => boolean): readonly T[] {
  if (text === undefined) return all;
  const wanted = text.split(',');
  if (!wanted.every((w) => all.some((one) => is(one, w)))) return [];
  return all.filter((one) => wanted.some((w) => is(one, w)));
}

mkdirSync(WORK, { recursive: true });
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof SandboxError ? error.message : error);
  process.exitCode = error instanceof SandboxError ? 3 : 1;
}

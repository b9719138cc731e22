import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type LogLine, logFiles, logsOfContainer } from '../../adhoc/logs.ts';
import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { agree, refuse } from '../../core/refusal.ts';
import { read, run } from '../../core/run.ts';
import { say, section } from '../../core/screen.ts';
import { given, humanBytes, printable, same, type Text } from '../../core/text.ts';
import { ONLY_PLANNED } from '../../core/verdict.ts';
import { newestRuns } from '../../domain/ledger/runs.ts';
import { CHECKS } from './checks.ts';
import type { Diagnosis } from './diagnose.ts';
import { examine } from './examine.ts';
import type { Value } from './facts.ts';
import type { Facts } from './gather.ts';
import { scrubbed } from './scrub.ts';

/** Lines of each log. */
const LINES = 400;
const RUNS = 5;
/** Bytes of each file of a run. */
const LONGEST = 300_000;

/** A file of the archive, or why it is not in it. */
interface Part {
  readonly name: string;
  readonly about: Text;
  readonly text: string | undefined;
  readonly why?: Text;
}

/**
 * One archive to send to somebody who can help. Only what is listed here gets into it, each through the redactor and without what merely
 * looks like a secret; it is shown before it is written, 0600.
 *
 * @throws {OpsError} `declined`; `precondition` when the file is there already, or can't be written.
 */
export async function bundle(ops: Ops, file: string, planOnly: boolean): Promise<Text> {
  const { facts, diagnosis } = await examine(ops, CHECKS);
  const parts = [...factsParts(facts, diagnosis), ...(await logParts(ops, facts)), ...runParts(ops, facts)].map(
    (part): Part => (part.text === undefined ? part : { ...part, text: scrubbed(ops.secrets.redact(part.text)) }),
  );
  const manifest = manifestOf(parts, ops.clock.now());
  section(ops.screen, same(path.basename(file)), 'bundle', [
    ...parts.map(
      ({ name, about, text, why }) => [same(name), text === undefined ? left(why) : sized(about, text)] as const,
    ),
    ...NEVER.map((what) => [{ en: 'never', zh: '始终不含' }, what] as const),
  ]);
  if (planOnly) return ONLY_PLANNED;
  await agree(ops.screen, { en: `Write ${printable(file)}?`, zh: `是否写入 ${printable(file)}?` });
  await pack(ops, file, [{ name: 'MANIFEST.txt', text: manifest }, ...parts]);
  say(ops.screen, 'ok', {
    en: `${printable(file)}: look through it before you send it.`,
    zh: `已写入 ${printable(file)}: 发送前请再检查一遍.`,
  });
  return { en: 'written', zh: '已写入' };
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const NAMES_ONLY: Text = { en: 'names only', zh: '仅名称' };

function factsParts(facts: Facts, diagnosis: Diagnosis): Part[] {
  const part = (name: string, about: Text, value: unknown): Part => ({ name, about, text: json(value) });
  const of = <G extends keyof Facts, R>(group: G, pick: (value: Value<Facts[G]>) => R) => {
    const one = facts[group];
    return one.known ? pick(one.value as Value<Facts[G]>) : { notAsked: one.why.en };
  };
  return [
    part(
      'findings.json',
      { en: 'what is wrong', zh: '检查结果' },
      {
        counts: diagnosis.counts,
        findings: [...diagnosis.findings, ...diagnosis.unknown].map(({ check, level, problems, why, under }) => ({
          id: check.id,
          level,
          when: check.when,
          under,
          seen: problems.map((p) => p.seen.en),
          mend: problems.flatMap((p) => p.mend.map((m) => m.en)),
          why: why?.en,
        })),
      },
    ),
    part(
      'versions.json',
      { en: 'versions', zh: '版本' },
      {
        node: process.versions.node,
        kernel: os.release(),
        engine: of('engine', ({ version, compose }) => ({ version, compose })),
        postgres: of('postgres', ({ version }) => version),
        redis: of('redis', ({ redis_version }) => redis_version),
      },
    ),
    part(
      'containers.json',
      { en: 'states, images, ports', zh: '状态、镜像、端口' },
      of('containers', (all) =>
        Object.values(all).map(({ binds: _, mounts, checks, addresses: _a, ...c }) => ({
          ...c,
          mounts: mounts.map((m) => m.target),
          checks: checks.map((k) => k.exitCode),
        })),
      ),
    ),
    part(
      'compose.json',
      NAMES_ONLY,
      of('stack', ({ project, services, volumes, networks }) => ({
        project,
        networks,
        volumes: volumes.map((v) => v.name),
        services: Object.values(services).map(({ key, image, ports, environment, mounts }) => ({
          key,
          image,
          ports,
          environment: Object.keys(environment),
          mounts: mounts.map((m) => `${m.kind} ${m.target}`),
        })),
      })),
    ),
    part('env.json', NAMES_ONLY, {
      names: of('env', (env) => (env.kind === 'present' ? Object.keys(env.values) : env.kind)),
      drift: of('drift', (drift) => drift.map((d) => d.name)),
      example: of('example', (example) => example),
    }),
    part(
      'inside.json',
      { en: 'programs, workers, queues, memory', zh: '程序、worker、队列、内存' },
      {
        programs: of('programs', (all) =>
          all.map(({ name, state, pid, ports, workers }) => ({ name, state, pid, ports, workers: workers.length })),
        ),
        workers: of('workers', (all) => all),
        vitals: of('vitals', ({ nginx: _, ...rest }) => rest),
      },
    ),
    part(
      'postgres.json',
      { en: 'figures of the catalogs, no rows', zh: '系统视图中的数字, 不含数据' },
      of('postgres', (p) => p),
    ),
    part(
      'redis.json',
      { en: 'figures, no keys', zh: '仅数字, 不含键' },
      of('redis', (info) => Object.fromEntries(Object.entries(info).filter(([name]) => REDIS_FIELDS.test(name)))),
    ),
    part(
      'host.json',
      { en: 'disk, memory, load', zh: '磁盘、内存、负载' },
      of('host', ({ disks, memory, load, cpus }) => ({ disks, memory, load, cpus })),
    ),
  ];
}

const REDIS_FIELDS =
  /^(redis_version|role|uptime_in_seconds|loading|used_memory|maxmemory|maxmemory_policy|evicted_keys|rdb_\w+|aof_\w+|connected_clients)$/;

/** Everything that the running containers may have as a secret is known to the redactor only when all of these were asked. */
const secretsKnown = ({ stack, env, drift, containers }: Facts): boolean =>
  stack.known && env.known && (drift.known || (containers.known && containers.value.app === undefined));

const UNREDACTED: Text = {
  en: 'which secrets may stand in it is not known, because compose, .env or the container could not be asked',
  zh: '无法读取 compose、.env 或容器, 不能确定其中可能出现哪些密钥',
};

async function logParts(ops: Ops, facts: Facts): Promise<Part[]> {
  const about: Text = { en: `the last ${LINES} lines`, zh: `最后 ${LINES} 行` };
  if (!facts.containers.known) return [];
  const parts = Object.entries(facts.containers.value).flatMap(([role, container]) => [
    { name: `logs/${role}.log`, ask: () => logsOfContainer(ops, container, role, LINES) },
    ...given(role === 'app' && container.state === 'running', () => ({
      name: 'logs/app-files.log',
      ask: async () => (await logFiles(ops, container, LINES)).filter(({ from }) => !/access/.test(from)),
    })),
  ]);
  return Promise.all(
    parts.map(async ({ name, ask }): Promise<Part> => {
      if (!secretsKnown(facts)) return { name, about, text: undefined, why: UNREDACTED };
      try {
        return { name, about, text: textOf(await ask()) };
      } catch (error) {
        ops.signal.throwIfAborted();
        return { name, about, text: undefined, why: whatHappened(error) };
      }
    }),
  );
}

const textOf = (lines: readonly LogLine[]) =>
  lines.map(({ at, from, text }) => `${at} ${from} ${printable(text)}\n`).join('');

function runParts(ops: Ops, facts: Facts): Part[] {
  const parts: Part[] = [];
  for (const { name, dir } of newestRuns(ops.paths, RUNS)) {
    for (const file of ['journal', 'log']) {
      const about: Text = { en: `${file} of a run`, zh: `运行的 ${file}` };
      const shown = `runs/${name}/${file}`;
      if (!secretsKnown(facts)) parts.push({ name: shown, about, text: undefined, why: UNREDACTED });
      else {
        try {
          parts.push({ name: shown, about, text: readFileSync(path.join(dir, file), 'utf8').slice(-LONGEST) });
        } catch {
          // a run that was killed early has none
        }
      }
    }
  }
  return parts;
}

const NEVER: readonly Text[] = [
  { en: 'values of .env and of environments', zh: '.env 与环境变量的值' },
  { en: 'rows, keys, backups, userdata, access logs', zh: '数据行、Redis 键、备份、userdata、访问日志' },
];

const sized = ({ en, zh }: Text, text: string): Text => {
  const size = humanBytes(Buffer.byteLength(text));
  return { en: `${en}, ${size}`, zh: `${zh}, ${size}` };
};
const left = (why: Text | undefined): Text => ({ en: `left out: ${why?.en ?? ''}`, zh: `未包含: ${why?.zh ?? ''}` });

function manifestOf(parts: readonly Part[], now: number): string {
  const lines = parts.map(
    ({ name, about, text, why }) => `${name}\t${(text === undefined ? left(why) : sized(about, text)).en}`,
  );
  return [
    `whalefall-ops doctor --bundle, ${new Date(now).toISOString()}`,
    ...lines,
    ...NEVER.map((n) => `never\t${n.en}`),
    '',
  ].join('\n');
}

async function pack(ops: Ops, file: string, parts: readonly Pick<Part, 'name' | 'text'>[]): Promise<void> {
  const dir = path.join(ops.paths.run, 'bundle');
  for (const { name, text } of parts) {
    if (text === undefined) continue;
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(dir, name), text, { mode: 0o600 });
  }
  const fd = created(file);
  try {
    // It reads what lies in the run's own directory; what it writes is the file that is open already.
    await run(ops, read(['tar', '-czf', '-', '-C', ops.paths.run, 'bundle'], { stdoutFd: fd }));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function created(file: string): number {
  try {
    return openSync(file, 'wx', 0o600);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw refuse(
      { en: `${printable(file)} can't be made (${code}).`, zh: `无法创建 ${printable(file)} (${code}).` },
      {
        en: 'Name a file that is not there yet, in a directory that is.',
        zh: '请指定一个尚不存在的文件, 且其目录已存在.',
      },
    );
  }
}

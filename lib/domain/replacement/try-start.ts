import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { type Ops, runName } from '../../core/ops.ts';
import { failed } from '../../core/refusal.ts';
import { ask, CommandError, change, read, run } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';
import { answerOf } from '../../core/tool-output.ts';
import { runDetached } from '../../tools/docker/compose.ts';
import { exec } from '../../tools/docker/docker.ts';
import { discardContainer, ownerLabels } from '../../tools/docker/helpers.ts';
import { MARKER } from '../app/marker.ts';
import { readRevisions } from '../app/revisions.ts';
import { stampOf } from '../env/stamp.ts';
import { createsApplication } from '../schema/flask-db.ts';
import { besideText } from '../stack/create-service.ts';
import type { Facts } from '../stack/deployment.ts';

/** The programs that were tried, or why the image's own start could not be. */
export type StartTrial = { readonly tried: readonly string[] } | { readonly why: Text };

/** What the configurations of all programs may take to be tried, beyond what the application takes to boot. */
const TRIALS_MS = 300_000;
/** Where the container has the file that is reported in. */
const REPORT = '/whalefall-ops-trial.json';

// The module, and not the program that loads it: so no supervisord of that Python can run, whatever calls it. Nothing is found where what
// the container starts ($2 and on) does not name supervisord: then nothing would stand in its place.
const FIND = `root=$1; shift
for word; do case $word in *supervisord*) known=1;; *) grep -qs supervisord "$(command -v "$word")" && known=1;; esac; done
[ -n "$known" ] || exit 0
for d in $(echo "$PATH" | tr : ' ') "$root/.venv/bin" /usr/local/bin /usr/bin; do head -qn 1 "$d/supervisord" 2>/dev/null; done |
  sort -u | sed -n 's/^#!\\(.*python.*\\)/\\1/p' | while read -r python; do
    $python -c 'import supervisor.supervisord as found; print(found.__file__)'
  done | sort -u`;

/**
 * Starts what the image really starts, with the service's mounts, environment and network: the entrypoint makes everything ready, and where
 * supervisord would start its programs, their configurations are tried instead. Nothing serves, schedules or works; sessions of the
 * database can only read.
 *
 * @param oneOff a running container of the image.
 * @throws {OpsError} `failed` with the container's last words when the start would fail.
 */
export async function tryStart(ops: Ops, facts: Facts, oneOff: string): Promise<StartTrial> {
  const { postgres, redis } = facts.containers;
  if (postgres?.state !== 'running' || redis?.state !== 'running') return { why: WITHOUT_STORES };
  const modules = await findSupervisor(ops, facts, oneOff);
  if (modules.length === 0) return { why: NO_SUPERVISOR };
  const stub = path.join(ops.paths.run, 'start_trial.py');
  writeFileSync(stub, readFileSync(new URL('../app/agent/start_trial.py', import.meta.url)));
  chmodSync(stub, 0o644); // read in the container, by whoever it runs as
  const report = path.join(ops.paths.run, 'trial.json');
  writeFileSync(report, '');
  chmodSync(report, 0o666); // as above; nobody else gets into the run's directory
  const name = trialName(ops, facts);
  const text = await besideText(ops, facts.stack, facts.stack.services.app);
  try {
    const id = await ask(
      ops,
      runDetached(ops.target, facts.stack.services.app.key, {
        name,
        labels: ownerLabels(ops),
        text,
        mounts: modules.map((module) => `${stub}:${module}`),
        writable: [`${report}:${REPORT}`],
        env: {
          ...stampOf(ops.target, facts.checkout.commit),
          [ops.target.app.schedulerVariable]: 'false',
          WFOPS_SCHEDULER_VARIABLE: ops.target.app.schedulerVariable,
          WFOPS_REPORT: REPORT,
          PGOPTIONS: '-c default_transaction_read_only=on',
        },
      }),
    );
    return await outcome(ops, id.split('\n').at(-1) ?? '', report);
  } finally {
    await discardContainer(ops, name);
  }
}

const trialName = (ops: Ops, facts: Facts) => `${facts.stack.project}-trial-${runName(ops).slice(0, 16)}`;

/** Where the module lies that would have to run. */
async function findSupervisor(ops: Ops, { stack }: Facts, oneOff: string): Promise<string[]> {
  const { image, starts } = stack.services.app;
  const format = '{{json .Config.Entrypoint}}\n{{json .Config.Cmd}}';
  const own = await ask(ops, read(['docker', 'image', 'inspect', '-f', format, image]));
  const words = own
    .split('\n')
    .flatMap((line) => answerOf('docker image inspect', z.array(z.string()).nullable(), line) ?? []);
  // The compose file's command may hold a secret: only what could be a program's path is asked about.
  const asked =
    starts.length > 0
      ? starts.flatMap((said) => said.match(/[\w./-]*supervisord[\w./-]*|(?<!\S)\/[\w./-]+/g) ?? [])
      : words;
  const find = ['sh', '-c', FIND, 'find', ops.target.app.root, ...asked];
  const found = await ask(ops, exec('read', oneOff, find, { deadlineMs: 60_000 }));
  return found.split('\n').filter(Boolean);
}

const reported = z.object({ tried: z.array(z.string()), wrong: z.string().nullable() });

async function outcome(ops: Ops, id: string, report: string): Promise<StartTrial> {
  const deadlineMs = ops.target.bootSeconds * 1000 + TRIALS_MS;
  const exitCode = await ask(ops, read(['docker', 'wait', id], { deadlineMs })).catch((error: unknown) => {
    if (error instanceof CommandError && error.kind === 'deadline') return undefined;
    throw error;
  });
  const { stdout, stderr } = await run(ops, read(['docker', 'logs', '--tail', '200', id]));
  const text = readFileSync(report, 'utf8');
  const said = text === '' ? undefined : answerOf('start_trial.py', reported, text);
  if (said?.wrong === null) return { tried: said.tried.map(printable) };
  const words = `${stderr}\n${stdout}`
    .split('\n')
    .filter((l) => l.trim() !== '')
    .slice(-12)
    .join('\n');
  const wrong = said?.wrong ?? '';
  if (/read-only transaction/.test(`${words}\n${wrong}`)) return { why: WRITES };
  throw wouldNotStart(exitCode, printable(ops.secrets.redact([words, wrong].filter(Boolean).join('\n'))));
}

const wouldNotStart = (exitCode: string | undefined, words: string) =>
  failed(
    exitCode === undefined
      ? {
          en: `The image was started for a trial, and did not get as far as supervisord.\n${words}`,
          zh: `试启动新镜像时, 一直没有执行到 supervisord.\n${words}`,
        }
      : {
          en: `A container of this image would not come up: what it starts was tried, and ended with exit code ${exitCode}.\n${words}`,
          zh: `该镜像的容器无法启动: 试运行其启动过程, 以退出码 ${exitCode} 结束.\n${words}`,
        },
  );

const WITHOUT_STORES: Text = {
  en: 'its own start was not tried: PostgreSQL and Redis do not run yet',
  zh: '未试运行启动过程: PostgreSQL 与 Redis 尚未运行',
};

const NO_SUPERVISOR: Text = {
  en: 'its own start was not tried: it does not start supervisord, as far as can be seen, and would begin to serve',
  zh: '未试运行启动过程: 看不出镜像由 supervisord 启动, 试运行会直接开始提供服务',
};

const WRITES: Text = {
  en: 'its own start could not be tried to its end: it writes to the database, which a trial must not',
  zh: '启动过程未能完整试运行: 它会写入数据库, 而试运行不允许写入',
};

export interface TriedImage {
  /** Id of a running container of the new image, for migrations and the like. */
  readonly oneOff: string;
  /** The newest schema revision that the image knows. */
  readonly head: string;
  /** Whether the image's migrations have the database's revision; false when none was asked about. */
  readonly known: boolean;
  readonly start: StartTrial;
}

/**
 * Starts a container of the new image with the service's environment, network and mounts, and creates the application in it, as
 * each worker will; copies a file into it, as into the one that will serve; and tries the image's own start in another. The first
 * container stays for the later steps: starting one takes half a second that an outage has not.
 *
 * @param revision the database's, if it has one.
 * @throws {CommandError} with the application's own error when it can't be imported or created.
 * @throws {OpsError} `failed` when a container of the image would not come up.
 */
export async function tryImage(ops: Ops, facts: Facts, revision: string | undefined): Promise<TriedImage> {
  const command = runDetached(ops.target, facts.stack.services.app.key, {
    name: oneOffName(ops, facts),
    labels: ownerLabels(ops),
    argv: ['sleep', '86400'],
    env: stampOf(ops.target, facts.checkout.commit),
    text: await besideText(ops, facts.stack, facts.stack.services.app),
  });
  const oneOff = (await ask(ops, command)).split('\n').at(-1) ?? '';
  await createsApplication(ops, oneOff);
  const { head, known } = await readRevisions(ops, oneOff, ops.target.app.root, revision);
  await tryCopy(ops, oneOff);
  const start = await tryStart(ops, facts, oneOff);
  if ('why' in start) ops.screen.show({ event: 'warning', text: start.why });
  return { oneOff, head, known, start };
}

/** A root file system that is read only, for one, refuses what userdata and the release's mark need. */
async function tryCopy(ops: Ops, oneOff: string): Promise<void> {
  const file = path.join(ops.paths.run, 'trial');
  writeFileSync(file, '', { mode: 0o600 });
  await run(ops, change(['docker', 'cp', file, `${oneOff}:${ops.target.app.root}/${MARKER}`]));
}

export function trialEvidence({ head, start }: TriedImage): Text {
  const tried = 'tried' in start ? `; ${start.tried.join(', ')}` : '';
  return { en: `schema revision ${head}${tried}`, zh: `数据库结构版本 ${head}${tried}` };
}

/** Removes it by name, so that one whose start was interrupted goes too. False when it may still be there. */
export const removeOneOff = (ops: Ops, facts: Facts): Promise<boolean> => discardContainer(ops, oneOffName(ops, facts));

const oneOffName = (ops: Ops, facts: Facts) => `${facts.stack.project}-one-off-${runName(ops).slice(0, 16)}`;

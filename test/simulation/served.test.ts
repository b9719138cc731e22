import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { applyEnv } from '../../scripts/apply-env.ts';
import type { ComposeFile } from './model/compose-file.ts';
import { type Deployment, deployment, type Ended } from './model/deployment.ts';
import { COMPOSE_FILE } from './model/files.ts';
import { runAndCheck } from './model/invariants.ts';
import { restoreAndCheck } from './model/invariants-restore.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { journals } from './model/journals.ts';
import { backByImage, rebuilt } from './model/rebuilt.ts';
import { type Release, release } from './model/release.ts';
import { SITE, SUPERVISOR, supervisorConfig } from './model/release-files.ts';
import { restorable, YES } from './model/restorable.ts';
import { appOf, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];
const HOT = ['--yes', '--soak', '2s'];

/** What supervisord can't keep running, in the place of a queue's worker. */
const FAILS = supervisorConfig('[program:queue]\ncommand=/bin/false\n');
const RUNS = supervisorConfig('[program:queue]\ncommand=/usr/bin/queue\n');

interface Flow {
  readonly name: string;
  /** Production, of which `what` is so, and of what would run as well. */
  readonly made: (what?: Partial<Release>) => Promise<Deployment>;
  readonly run: (d: Deployment) => Promise<Ended>;
}

const rebuild: Flow = {
  name: 'a rebuild',
  async made(what = {}) {
    const d = await updatable(what, { former: what });
    d.machine.repository?.checkOut(release('new').commit);
    return d;
  },
  run: (d) => runAndCheck(d, KEEP),
};

const byImage: Flow = {
  name: 'a rollback by image',
  async made(what) {
    const d = deployment();
    await rebuilt(d, what);
    return d;
  },
  run: (d) => backByImage(d, ['previous', '--way', 'image', '--yes'], {}),
};

const withEnv: Flow = {
  name: 'a changed .env',
  async made(what = {}) {
    const d = await updatable({}, { former: what });
    const deployed = await d.run(KEEP);
    if (deployed.exitCode !== 0) throw new Error(deployed.text);
    const env = readFileSync(path.join(d.dir, '.env'), 'utf8');
    d.writeEnv(env.replace(/^LOG_LEVEL=.*$/m, 'LOG_LEVEL=DEBUG'));
    return d;
  },
  run: (d) => runAndCheck(d, ['--yes'], { script: applyEnv }),
};

const hot: Flow = {
  name: 'a hot update',
  made: (what = {}) => updatable(what, { former: what }),
  run: (d) => updateAndCheck(d, HOT),
};

const REPLACING = [rebuild, byImage, withEnv].map((flow) => [flow.name, flow] as const);
const ALL = [rebuild, byImage, withEnv, hot].map((flow) => [flow.name, flow] as const);

const verdictOf = (d: Deployment) =>
  journals(d)
    .at(-1)
    ?.entries.flatMap((e) => (e.event === 'run-end' ? [e.verdict] : []))
    .join();

it.each(ALL)('%s counts the requests to pages and to the scheduler', async (_name, { made, run }) => {
  const ended = await run(await made());
  expect(ended.exitCode, ended.text).toBe(0);
  const summary = ended.text.slice(ended.text.indexOf('Summary'));
  expect(summary).toMatch(/pages \d+( of |\/)\d+.*whalefall_scheduler \d+( of |\/)\d+/);
});

it('a restore counts them as well', async () => {
  const ended = await restoreAndCheck(await restorable(), YES);
  expect(ended.text).toMatch(/users noticed.*pages \d+ of \d+.*whalefall_scheduler \d+ of \d+/);
});

it.each(ALL)(
  '%s says in its plan and in its verdict that a page was bad before, and is',
  async (_name, { made, run }) => {
    const d = await made();
    d.machine.engine.pageStatus = () => 500;
    const ended = await run(d);
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toMatch(
      /GET \/ answers 500 already now[\s\S]*GET \/ answers 500, as it did before[\s\S]*proved.*but for what/,
    );
    expect(verdictOf(d)).toContain('GET / answers 500, as it did before');
  },
);

it.each(REPLACING)('%s ends as before when a page is bad that was not', async (_name, { made, run }) => {
  const failedIn = async (holds: boolean) => {
    const d = await made();
    if (holds) d.machine.absent.delete('iptables');
    const { id } = appOf(d);
    d.machine.engine.pageStatus = (c) => (c.id === id ? 200 : 403);
    const ended = await run(d);
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toMatch(/Not proved: GET \/ answers 403/);
    return journals(d)
      .at(-1)
      ?.entries.flatMap((e) => (e.event === 'step-failed' ? [e.step] : []));
  };
  expect(await failedIn(false)).toEqual(['prove']);
  // While requests are held: nobody sees it.
  expect(await failedIn(true)).toEqual(['start-app']);
});

it('a hot update proves what the new site leads to as well, once it is used', async () => {
  const next = 'server { listen 80; location /queue/ { proxy_pass http://127.0.0.1:5099; } }\n';
  const d = await updatable({ files: { [SITE]: next } });
  const ended = await updateAndCheck(d, [...HOT, '--sync-nginx-site-config']);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toContain('Not proved: GET /queue/ answers 502');
});

it.each(ALL)(
  '%s says in its plan and in its verdict which program did not run before, and does not',
  async (_name, { made, run }) => {
    const d = await made({ files: { [SUPERVISOR]: FAILS } });
    const ended = await run(d);
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toContain('A program does not run: queue FATAL');
    expect(verdictOf(d)).toContain('queue is FATAL, and did not run before either');
  },
);

it('a hot update ends as before when a program that it brings can’t be kept running', async () => {
  const ended = await updateAndCheck(await updatable({ files: { [SUPERVISOR]: FAILS } }), HOT);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toMatch(/Not proved: queue is (FATAL|BACKOFF)/);
});

it('a rebuild ends as before when a program that ran can’t be kept running', async () => {
  const d = await updatable({ files: { [SUPERVISOR]: FAILS } }, { former: { files: { [SUPERVISOR]: RUNS } } });
  d.machine.repository?.checkOut(release('new').commit);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(1);
  expect(ended.text).toContain('Not proved: queue is FATAL, and ran before');
});

it.each(REPLACING)(
  '%s does not call released what lies behind a mount over what is built',
  async (_name, { made, run }) => {
    const { whalefall } = COMPOSE_FILE.services;
    const front = { type: 'volume', source: 'front', target: '/app/frontend/dist' };
    const mounted: ComposeFile = {
      ...COMPOSE_FILE,
      services: {
        ...COMPOSE_FILE.services,
        whalefall: { ...whalefall, volumes: [...(whalefall?.volumes ?? []), front] },
      },
      volumes: { ...COMPOSE_FILE.volumes, front: null },
    };
    const d = await made({
      files: { 'frontend/main.ts': 'main();\n', 'docker-compose.prod.yml': JSON.stringify(mounted, null, 2) },
    });
    const ended = await run(d);
    expect(ended.exitCode, ended.text).toBe(0);
    const told = /\/app\/frontend\/dist is mounted \(\S+front\), and hides what is built in \/app\/frontend\/dist/g;
    expect(ended.text.match(told), ended.text).toHaveLength(2);
    expect(verdictOf(d)).toMatch(told);
  },
);

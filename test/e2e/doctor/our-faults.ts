import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Manifest, readManifest, writeManifest } from '../../../lib/domain/backup/manifest.ts';
import { recordDrill } from '../../../lib/domain/ledger/drills.ts';
import { runScript } from '../../support/run-script.ts';
import { changed, docker, type Fault, given, KEPT, type Sick } from './fault.ts';

const DAY = 86_400_000;
const CHANNEL = { kind: 'program', name: 'on-call', path: '/bin/true' } as const;

/** What a well kept server has: somebody is told. */
export const NOTIFY = { channels: [CHANNEL] };

const inState = (s: Sick, ...names: string[]) => path.join(s.state, ...names);

/** Every backup's manifest as another day or another database would have written it. */
export const manifestsChanged = (change: (manifest: Manifest) => Manifest) => {
  const all = (s: Sick) => readdirSync(inState(s, 'backups')).map((name) => inState(s, 'backups', name));
  return {
    inject: async (s: Sick) => {
      for (const dir of all(s)) {
        copyFileSync(path.join(dir, 'manifest.json'), path.join(dir, `manifest.json${KEPT}`));
        await writeManifest(dir, change(readManifest(dir)));
      }
    },
    putBack: (s: Sick) => {
      for (const dir of all(s)) renameSync(path.join(dir, `manifest.json${KEPT}`), path.join(dir, 'manifest.json'));
    },
  };
};

/** Taken so many days ago. */
export const aged = (manifest: Manifest, days: number): Manifest => ({
  ...manifest,
  createdAt: new Date(Date.now() - days * DAY).toISOString(),
});

/** Entries of a directory of the state are not there for a while. */
const away = (directory: string, names: RegExp) => {
  const kept = (s: Sick) => inState(s, `${directory}${KEPT}`);
  return {
    inject: (s: Sick) => {
      mkdirSync(kept(s));
      for (const name of readdirSync(inState(s, directory)).filter((n) => names.test(n)))
        renameSync(inState(s, directory, name), path.join(kept(s), name));
    },
    putBack: (s: Sick) => {
      for (const name of readdirSync(kept(s))) renameSync(path.join(kept(s), name), inState(s, directory, name));
      rmSync(kept(s), { recursive: true });
    },
  };
};

/** By a hot update, as an operator would. */
async function released(s: Sick, files: Readonly<Record<string, string>>): Promise<void> {
  await s.release({ files });
  const at = ['--dir', s.sandbox.deployDir, '--config', s.config, '--yes', '--soak', '0'];
  const ended = await runScript('update-prod-flask', at);
  if (ended.exitCode !== 0) throw new Error(ended.text);
}

/** Of backups, drills, alerts and what runs left. */
export const OURS: readonly Fault[] = [
  { name: 'the newest backup is eight days old', finds: 'backup.age', ...manifestsChanged((m) => aged(m, 8)) },
  { name: 'no backup was taken elsewhere', finds: 'backup.elsewhere', ...away('outcomes', /export/) },
  {
    name: 'the last drill failed',
    finds: 'drill.age',
    inject: async (s) => {
      if (existsSync(inState(s, 'drills'))) copyFileSync(inState(s, 'drills'), inState(s, `drills${KEPT}`));
      await recordDrill(
        { backups: inState(s, 'backups') },
        {
          ...{ version: 1, at: new Date().toISOString(), run: '20260101T000000Z-rehearse', backup: 'x', commit: null },
          ...{ outcome: 'failed', failed: { step: 'restore', why: 'no room' }, dataAge: null, databaseBytes: null },
          took: { recover: null, restore: null, migrate: null, boot: null },
          ...{ migrations: null, longestLock: null, cpus: 2 },
        },
      );
    },
    putBack: (s) => {
      rmSync(inState(s, 'drills'));
      if (existsSync(inState(s, `drills${KEPT}`))) renameSync(inState(s, `drills${KEPT}`), inState(s, 'drills'));
    },
  },
  {
    name: 'nobody is told',
    finds: 'alerts.configured',
    inject: () => undefined,
    putBack: () => undefined,
    start: () => ({ config: { notify: {} } }),
  },
  {
    name: 'who is to be told was not reached',
    finds: 'alerts.delivery',
    inject: async (s) => {
      // As the last run that wanted to tell.
      const at = ['--dir', s.sandbox.deployDir, '--config', s.config];
      s.patience(120, { notify: { ...NOTIFY, channels: [{ ...CHANNEL, path: '/bin/false' }] } });
      await runScript('notify', ['test', ...at, '--yes']);
    },
    putBack: (s) => rmSync(inState(s, 'deliveries'), { recursive: true }),
  },
  {
    name: 'no nightly backup succeeds any more',
    finds: 'alerts.overdue',
    ...away('outcomes', /./),
    start: () => ({ config: { notify: { ...NOTIFY, watch: { backup: { hours: 26 } } } } }),
  },
  {
    name: 'a killed run left a container',
    finds: 'runs.leftovers',
    inject: (s) => {
      const labels = { 'whalefall-ops.state': s.state, 'whalefall-ops.run': '20260101T000000Z-rehearse' };
      const flags = Object.entries({ ...labels, 'com.docker.compose.oneoff': 'True' }).flatMap(([name, value]) => [
        '--label',
        `${name}=${value}`,
      ]);
      const image = docker('inspect', '-f', '{{.Image}}', s.container('redis'));
      docker('create', '--name', 'wfops-left-by-the-test', ...flags, image);
    },
    putBack: () => void docker('rm', 'wfops-left-by-the-test'),
  },
  {
    name: 'a release brought a variable that nobody has set',
    finds: 'env.example',
    inject: async (s) => {
      const example = `${readFileSync(path.join(s.sandbox.deployDir, 'env.example'), 'utf8')}BRAND_NEW=1\n`;
      await released(s, { 'env.example': example });
    },
    putBack: (s) => released(s, {}),
  },
  {
    name: 'a secret is the example’s',
    finds: 'env.secrets',
    ...changed('env.example', (t, s) => t.replace(/^SECRET_KEY=.*$/m, `SECRET_KEY=${given(s, 'SECRET_KEY')}`)),
  },
];

import type { FileEntry } from '../../lib/domain/app/inventory.ts';
import type { Program } from '../../lib/domain/app/programs.ts';
import type { Facts } from '../../lib/domain/hot-release/facts.ts';
import type { UpdateOptions } from '../../lib/domain/hot-release/options.ts';
import { container, identity, facts as rebuildFacts } from './facts.ts';

export const entry = (blob: string, mode = '100644'): FileEntry => ({ mode, blob });

export const tree = (files: Readonly<Record<string, string>>): Map<string, FileEntry> =>
  new Map(Object.entries(files).map(([path, blob]) => [path, entry(blob)]));

export const program = (name: string, more: Partial<Program> = {}): Program => ({
  name,
  state: 'RUNNING',
  pid: 27,
  start: 99,
  argv: ['/app/.venv/bin/python', '/app/.venv/bin/gunicorn', '--config', '/app/gunicorn.conf.py', 'wsgi:application'],
  cwd: '/app',
  ports: [],
  scheduler: '',
  workers: [
    { pid: 31, start: 100 },
    { pid: 34, start: 100 },
  ],
  ...more,
});

export const web = program('whalefall_web', { ports: [5001], scheduler: 'false' });
export const scheduler = program('whalefall_scheduler', {
  pid: 26,
  ports: [5002],
  scheduler: 'true',
  workers: [{ pid: 33, start: 100 }],
  settings: { preload_app: false },
});

const OLD = 'c0ffee'.padEnd(40, '0');
const NEW = 'beef'.padEnd(40, '0');

/** A healthy stack, and a release that changes one file. */
export function updateFacts(more: Partial<Facts> = {}): Facts {
  const { stack } = rebuildFacts();
  const files = tree({ 'app/a.py': 'old' });
  return {
    stack,
    app: container('app'),
    database: {
      container: container('postgres'),
      user: 'shop',
      name: 'shop',
      volume: { name: 'shop_postgres_data', createdAt: '2026-01-02T03:04:05Z' },
    },
    programs: {
      all: [web, scheduler],
      web,
      scheduler,
      companions: [scheduler],
      uptime: 500,
      booted: 98,
      released: undefined,
    },
    served: { routes: [], unwatched: undefined, led: [] },
    workers: 2,
    pendingRestart: undefined,
    seenAt: 100,
    source: {
      ref: 'origin/main',
      remote: 'origin',
      branch: 'main',
      commit: NEW,
      subject: 'A change',
      committedAt: '2026-01-02T03:04:05Z',
      warnings: [],
    },
    tree: tree({ 'app/a.py': 'new' }),
    artefacts: { directories: [], files: new Map() },
    built: [],
    stale: [],
    former: files,
    running: {
      commit: OLD,
      subject: 'Before',
      certain: true,
      code: undefined,
      released: undefined,
      proved: { commit: OLD, subject: 'Before' },
      files,
    },
    files: { put: ['app/a.py'], remove: [], handEdited: [], inTheWay: [] },
    copies: [],
    hidden: [],
    cutShort: { staging: false, releases: [] },
    outdated: false,
    rebuildReasons: [],
    local: noLocalChanges,
    identity,
    schema: { kind: 'versioned', revision: '20251231120100' },
    jobs: { underWay: [], from: '2026-01-02T03:04:05.000Z' },
    newMigrations: [],
    pending: false,
    midway: [],
    milliseconds: 900,
    ...more,
  };
}

export const noLocalChanges: Facts['local'] = {
  none: true,
  head: OLD,
  branch: 'main',
  uncommitted: [],
  colliding: [],
  unpushed: [],
  inProgress: undefined,
} as unknown as Facts['local'];

export const options: UpdateOptions = {
  ref: 'origin/main',
  direction: 'forward',
  restart: 'auto',
  backup: 'auto',
  soakMs: 10_000,
  discardLocal: false,
  syncSite: false,
  bake: false,
  hold: { wanted: true, atMost: 60 },
};

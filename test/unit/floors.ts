/** A floor of the library, and what its folders are for: docs/architecture has the same picture. */
interface Floor {
  readonly name: string;
  /** From the ground up: a folder imports from itself and from those before it, types too. */
  readonly folders: readonly string[];
}

/** From the ground up. */
export const FLOORS: readonly Floor[] = [
  { name: 'core', folders: ['lib/core'] },
  {
    name: 'tools',
    folders: [
      'lib/tools/files',
      'lib/tools/docker',
      'lib/tools/git',
      'lib/tools/http',
      'lib/tools/redis',
      'lib/tools/postgres',
      'lib/tools/pg-hba',
      'lib/tools/iptables',
      'lib/tools/alerts',
    ],
  },
  {
    name: 'domain',
    folders: [
      'lib/domain/env',
      'lib/domain/stack',
      'lib/domain/ledger',
      'lib/domain/alerts',
      'lib/domain/schema',
      'lib/domain/app',
      'lib/domain/release',
      'lib/domain/images',
      'lib/domain/backup',
      'lib/domain/data',
      'lib/domain/restoration',
      'lib/domain/hold',
      'lib/domain/replacement',
      'lib/domain/hot-release',
    ],
  },
  {
    name: 'runs',
    folders: [
      'lib/runs/steps',
      'lib/runs/terminal',
      'lib/runs/command-line',
      'lib/runs/interrupted',
      'lib/runs/report',
      'lib/runs/main',
      'lib/adhoc',
      'lib',
    ],
  },
  {
    name: 'flows',
    folders: [
      'lib/flows/apply-env',
      'lib/flows/backup',
      'lib/flows/doctor',
      'lib/flows/maintenance',
      'lib/flows/notify',
      'lib/flows/rebuild',
      'lib/flows/rehearse',
      'lib/flows/restore',
      'lib/flows/rollback',
      'lib/flows/runs',
      'lib/flows/update',
      'lib/flows/upgrade-postgres',
    ],
  },
  { name: 'scripts', folders: ['scripts', 'scripts/adhoc'] },
];

import { FILES } from './files.ts';
import { OLD_REVISION, type Release } from './release.ts';

export interface GitFile {
  /** A link's target, if it is one. */
  readonly data: string;
  readonly mode: '100644' | '100755' | '120000';
}

/** What makes a file invalid, whoever reads it: Python, gunicorn, nginx. */
export const INVALID = 'SYNTAX ERROR';
/** In a configuration of gunicorn: valid Python that fails when it runs. */
export const RAISES = 'raise ValueError';

export const GUNICORN = 'nginx/gunicorn/gunicorn-prod.conf.py';
export const SUPERVISOR = 'nginx/supervisor/whalefall-prod.conf';
export const SITE = 'nginx/sites-available/whalefall-prod';
export const SCHEDULER_CONFIG = 'nginx/gunicorn/gunicorn-scheduler.conf.py';
export const SCHEDULER_SETTINGS = 'bind = "127.0.0.1:5002"\nworkers = 1\npreload_app = False\n';

export const gunicornConfig = (workers: number, more = '') =>
  `bind = "0.0.0.0:5001"\nworkers = ${workers}\npreload_app = False\n${more}`;

export const supervisorConfig = (more = '') =>
  `${[
    '[program:nginx]',
    'command=/usr/sbin/nginx -g "daemon off;"',
    '[program:whalefall_web]',
    'command=/app/.venv/bin/gunicorn --config /app/gunicorn.conf.py wsgi:application',
    'environment=ENABLE_SCHEDULER="false"',
    '[program:whalefall_scheduler]',
    'command=/app/.venv/bin/gunicorn --config /app/nginx/gunicorn/gunicorn-scheduler.conf.py wsgi:application',
    'environment=ENABLE_SCHEDULER="true"',
  ].join('\n')}\n${more}`;

const migration = ({ head, commitsMidway }: Release) =>
  `revision = "${head}"\n${commitsMidway ? 'with op.get_context().autocommit_block():\n' : ''}`;

const known = new WeakMap<Release, ReadonlyMap<string, GitFile>>();

/** All files of a commit by path. Some of them differ in every release. */
export function filesOf(release: Release): ReadonlyMap<string, GitFile> {
  const present = known.get(release);
  if (present) return present;
  const { commit, head } = release;
  const plain: Record<string, string | null> = {
    ...FILES,
    '.gitignore': '.env\n',
    'app/__init__.py': `"""The application, ${commit}."""\n`,
    'app/release.py': `COMMIT = "${commit}"\n`,
    'app/api/health.py': `"""Health, ${commit}."""\n`,
    'app/models/note.py': '"""The same in every release."""\n',
    [`app/views/page_${commit.slice(0, 6)}.py`]: '"""In this release alone."""\n',
    'wsgi.py': 'from app import create_app\n',
    'migrations/env.py': '"""Alembic."""\n',
    [`migrations/versions/${OLD_REVISION}_first.py`]: `revision = "${OLD_REVISION}"\n`,
    [`migrations/versions/${head}_${head === OLD_REVISION ? 'first' : 'next'}.py`]: migration(release),
    'pyproject.toml': '[project]\nname = "whalefall"\n',
    [GUNICORN]: gunicornConfig(2),
    [SCHEDULER_CONFIG]: SCHEDULER_SETTINGS,
    [SUPERVISOR]: supervisorConfig(),
    [SITE]: 'server { listen 80; }\n',
    'nginx/error_pages/50x.html': `<p>${commit}</p>\n`,
    'scripts/tool.sh': '#!/bin/sh\n',
    'docs/current': 'release.md',
    ...release.files,
  };
  const files = new Map<string, GitFile>();
  for (const [path, data] of Object.entries(plain)) {
    const mode = path.endsWith('.sh') ? '100755' : path === 'docs/current' ? '120000' : '100644';
    if (data !== null) files.set(path, { data, mode });
  }
  known.set(release, files);
  return files;
}

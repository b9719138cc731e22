import path from 'node:path';
import { z } from 'zod';
import { GLOB } from './globs.ts';
import { notifySchema } from './notify.ts';

/** A path below a directory, and not that directory itself. */
const inside = z.string().regex(/^(?!\/)(?!(?:.*\/)?\.\.?(?:\/|$)).+/, 'must be a path below the directory');

/** The same, as what lies in it is found by: with the slash after it. */
const withoutSlash = inside.regex(/[^/]$/, 'must not end with a slash');

/**
 * What is deployed: names inside the compose file and inside the application's container. Everything else (container
 * names, ports, volume names) is read from the resolved compose config. The defaults are WhaleFall's.
 */
export const targetSchema = z.strictObject({
  composeFile: z.string().min(1).default('docker-compose.prod.yml'),
  dockerfile: z.string().min(1).default('Dockerfile.prod'),
  /** Service keys in the compose file. */
  services: z
    .strictObject({ postgres: z.string().min(1), redis: z.string().min(1), app: z.string().min(1) })
    .default({ postgres: 'postgres', redis: 'redis', app: 'whalefall' }),
  /** Container ports, looked up in the compose file's `ports` for the published ones. */
  ports: z
    .strictObject({ nginx: z.int(), direct: z.int(), postgres: z.int(), redis: z.int() })
    .default({ nginx: 80, direct: 5001, postgres: 5432, redis: 6379 }),
  health: z
    .strictObject({
      basic: z.string().startsWith('/'),
      /** Candidates, newest first; a 404 means "try the next". */
      deep: z.array(z.string().startsWith('/')).min(1),
    })
    .default({ basic: '/api/v1/health/basic', deep: ['/api/v1/health', '/api/v1/health/health'] }),
  /** How long a new application may take until it is healthy several times in a row. */
  bootSeconds: z.int().positive().default(90),
  app: z
    .strictObject({
      /** Working directory in the container. */
      root: z.string().startsWith('/'),
      /** Files that live only in the container's writable layer and must survive its replacement. */
      userdata: z.string().startsWith('/'),
      python: z.string(),
      flask: z.string(),
      factory: z.string(),
      /** `true` in the environment of the program that runs the scheduler. */
      schedulerVariable: z.string(),
    })
    .default({
      root: '/app',
      userdata: '/app/userdata',
      python: '/app/.venv/bin/python',
      flask: '/app/.venv/bin/flask',
      factory: 'app:create_app',
      schedulerVariable: 'ENABLE_SCHEDULER',
    }),
  /**
   * Where the application writes down what it works on beside its requests, as SQL: the table, and of its rows what they are called, when they
   * began (a time with its zone), and which are under way. Where there is no such table, nothing is asked.
   */
  jobs: z
    .strictObject({ table: z.string().min(1), name: z.string(), since: z.string(), running: z.string() })
    .default({ table: 'task_runs', name: 'task_name', since: 'started_at', running: "status = 'running'" }),
  /** How a commit becomes files in the application's container. */
  release: z
    .strictObject({
      /** What is released when nothing else is asked for. */
      ref: z.string().min(1).default('origin/main'),
      /** Below the application's root, from elsewhere than git: no release touches them. userdata is always one. */
      kept: z.array(withoutSlash).default(['.env', '.venv']),
      /**
       * Directories that are part of the release and that git does not have (`to`, below the application's root). A stage of the
       * Dockerfile makes them from sources that git has; where it has no such stage, a build on this machine fills them in the deploy directory.
       */
      artefacts: z
        .array(
          z.union([
            z.strictObject({ to: withoutSlash, from: inside, stage: z.string().min(1) }),
            z.strictObject({
              to: withoutSlash,
              from: z.undefined().optional(),
              stage: z.undefined().optional(),
            }),
          ]),
        )
        .default([{ from: 'frontend/', to: 'frontend/dist', stage: 'frontend-build' }]),
      /** Files of the repository that the image's build also copies to another place; a directory ends with a slash. */
      copies: z.array(z.strictObject({ from: z.string(), to: z.string().startsWith('/') })).default([
        { from: 'nginx/gunicorn/gunicorn-prod.conf.py', to: '/app/gunicorn.conf.py' },
        { from: 'nginx/supervisor/whalefall-prod.conf', to: '/etc/supervisor/conf.d/whalefall.conf' },
        { from: 'nginx/error_pages/', to: '/usr/share/nginx/html/' },
      ]),
      /** nginx's site: in the repository, as a template in the container (newer images), and rendered. */
      site: z.strictObject({ from: z.string(), template: z.string(), rendered: z.string() }).default({
        from: 'nginx/sites-available/whalefall-prod',
        template: '/etc/nginx/templates/whalefall-prod.template',
        rendered: '/etc/nginx/sites-available/whalefall',
      }),
      migrations: z.string().default('migrations/versions/'),
      /** Variables, such as BUILD_HASH, that each new container of the application gets the commit in. They are not in `.env`. */
      stamp: z.array(z.string().regex(/^[A-Za-z_]\w*$/, 'must be the name of a variable')).default([]),
    })
    .prefault({}),
  /** Run once on an empty database, if present; relative to the deploy directory. */
  seed: z.string().default('sql/seed/postgresql/permission_configs.sql'),
  envExample: z.string().default('env.example'),
  /**
   * Files that only a build reads (globs): when one has changed, copying files into the running container is not enough. The Dockerfile,
   * the requirements that it names, the dependencies in pyproject.toml, and what compose makes of the services count always.
   */
  rebuildWhenChanged: z
    .array(z.string().regex(GLOB))
    .default([...['uv.lock', 'poetry.lock', 'Pipfile.lock', '.dockerignore', 'scripts/ops/docker/**']]),
  /** What stays to go back to. The release that runs and the one before it always do. */
  keep: z
    .strictObject({
      /** Images of former releases. */
      images: z.int().min(1),
      /** What they may take together, counted as if they shared nothing. */
      gigabytes: z.number().positive(),
      /** Lines of the ledger. */
      releases: z.int().min(2),
    })
    .default({ images: 5, gigabytes: 50, releases: 50 }),
  /** Warnings of the doctor that are known, why, and the last day on which they are. They are counted all the same. */
  acknowledged: z
    .array(z.strictObject({ id: z.string().min(1), reason: z.string().min(1), until: z.iso.date() }))
    .default([]),
  /** Who is told how runs end, and what has to succeed again and again. */
  notify: notifySchema.default({ channels: [], watch: {} }),
});

export type TargetConfig = z.infer<typeof targetSchema>;

export interface Target extends TargetConfig {
  /** The deploy directory, absolute. */
  readonly dir: string;
  /** What COMPOSE_FILE names in the terminal, which compose takes before what `.env` says: see `tools/docker/compose-files.ts`. */
  readonly composeFiles?: readonly string[] | undefined;
}

/** @throws {z.ZodError} when `config` has unknown keys or wrong values. */
export function targetFor(dir: string, config: unknown = {}, composeFiles?: readonly string[]): Target {
  return { ...targetSchema.parse(config), dir: path.resolve(dir), ...(composeFiles && { composeFiles }) };
}

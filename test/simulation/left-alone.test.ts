import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { applyEnv } from '../../scripts/apply-env.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import type { ServiceFile } from './model/compose-file.ts';
import { type Deployment, deployment, type RunOptions } from './model/deployment.ts';
import { rebuilt } from './model/rebuilt.ts';
import { UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const UP = 'up -d --no-deps --no-build --pull never';

/** What somebody starts beside the three services; the last one is not in the configuration any more. */
const BESIDE: Readonly<Record<string, ServiceFile>> = {
  jobs: { image: 'jobs:prod', build: { context: './jobs' } },
  mailer: { image: 'mailer:1' },
  nightly: { image: 'jobs:prod' },
};

async function besides(d: Deployment): Promise<Deployment> {
  for (const { image = '' } of Object.values(BESIDE)) d.machine.engine.addImage('redis', image);
  d.editCompose((file) => Object.assign(file.services, BESIDE));
  await d.byHand(`${UP} ${Object.keys(BESIDE).join(' ')}`);
  const { nightly: _, ...still } = BESIDE;
  d.editCompose((file) => Object.assign(file.services, still));
  return d;
}

async function changedEnv(): Promise<Deployment> {
  const d = await updatable();
  d.writeEnv(`${readFileSync(path.join(d.dir, '.env'), 'utf8')}MAIL_HOST=mail\n`);
  return d;
}

async function twoReleases(): Promise<Deployment> {
  const d = deployment();
  await rebuilt(d);
  return d;
}

it.each<readonly [string, () => Promise<Deployment>, readonly string[], RunOptions]>([
  ['a rebuild', updatable, ['--data', 'keep', '--plan'], {}],
  ['a changed .env', changedEnv, ['--plan'], { script: applyEnv }],
])(
  '%s sends nobody to a docker compose up that would take production off its network',
  async (_flow, make, args, options) => {
    const d = await besides(await make());
    d.editCompose((file) => {
      Object.assign(file.services, { jobs: BESIDE.jobs });
      file.networks = { whalefall_prod_network: { driver_opts: { 'com.docker.network.driver.mtu': '1400' } } };
    });
    const { exitCode, text } = await d.run(args, options);
    expect(exitCode, text).toBe(0);
    expect(text).toMatch(
      /network prod_whalefall_prod_network .* take every container off it: correct that first\. To bring it there: .* up -d --no-deps (--build )?jobs\n/,
    );
  },
);

it.each<readonly [string, () => Promise<Deployment>, readonly string[], RunOptions]>([
  ['a rebuild', updatable, ['--data', 'keep'], {}],
  ['a hot update', updatable, [], { script: UPDATE }],
  ['a hot rollback', twoReleases, ['previous', '--way', 'hot'], { script: rollbackProd }],
  ['a rollback by image', twoReleases, ['previous', '--way', 'image'], { script: rollbackProd }],
  ['a changed .env', changedEnv, [], { script: applyEnv }],
])('%s names what runs beside the application before it asks', async (_flow, make, args, options) => {
  const d = await besides(await make());
  const { exitCode, text } = await d.run([...args, '--plan'], options);
  expect(exitCode, text).toBe(0);
  expect(text).toMatch(/left alone +jobs, mailer, nightly\n/);
  expect(text).toMatch(/Built from the same repository.*left alone: jobs/);
  expect(text).toMatch(/nightly runs, and the compose configuration as it is resolved here does not have it/);
});

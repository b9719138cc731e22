import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { applyEnv } from '../../scripts/apply-env.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { type Deployment, deployment, type Ended, production, type RunOptions } from './model/deployment.ts';
import type { Container } from './model/engine.ts';
import { runAndCheck } from './model/invariants.ts';
import { rebuilt } from './model/rebuilt.ts';
import { RESTORE, restorable, YES } from './model/restorable.ts';
import { appOf, UPDATE, updatable } from './model/updatable.ts';
import { TO, UPGRADE, upgradable } from './model/upgradable.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];

/** Somebody has scaled a service up. */
function another(d: Deployment, key = 'whalefall'): Container {
  const { engine } = d.machine;
  const first = d.container(key);
  if (first === undefined) throw new Error(`there is no ${key}`);
  const { image, env, networks, mounts = {}, healthcheck = [], labels = {}, envFile } = first;
  const spec = { image, env, networks, mounts, healthcheck, labels, envFile };
  const made = engine.create({ ...spec, name: `${first.name}-2`, ports: [] });
  engine.start(made);
  return made;
}

async function twoReleases(): Promise<Deployment> {
  const d = deployment();
  await rebuilt(d);
  return d;
}

const FLOWS: readonly (readonly [string, () => Promise<Deployment>, readonly string[], RunOptions])[] = [
  ['a rebuild', updatable, KEEP, {}],
  ['a hot update', updatable, ['--yes', '--soak', '2s'], { script: UPDATE }],
  ['a rollback', twoReleases, ['previous', '--yes'], { script: rollbackProd }],
  ['a rollback by image', twoReleases, ['previous', '--way', 'image', '--yes'], { script: rollbackProd }],
  ['a changed .env', updatable, ['--yes'], { script: applyEnv }],
  ['a restore', restorable, YES, { script: RESTORE }],
  ['an upgrade of PostgreSQL', upgradable, TO, { script: UPGRADE }],
];

function isRefused(ended: Ended): void {
  expect(ended.exitCode, ended.text).toBe(3);
  expect(ended.changes).toEqual([]);
  expect(ended.text).toMatch(/Nothing was changed/i);
}

it.each(FLOWS)('%s refuses where several containers of the application serve', async (_flow, make, args, options) => {
  const d = await make();
  const second = another(d);
  const ended = await d.run(args, options);
  isRefused(ended);
  expect(ended.text).toContain(`whalefall runs in 2 containers (prod_whalefall_prod, ${second.name})`);
  expect(ended.text).toContain(`docker stop ${second.name} && docker rm ${second.name}`);
  expect([appOf(d).state, second.state]).toEqual(['running', 'running']);
});

it.each(FLOWS)('%s refuses where compose is to run several', async (_flow, make, args, options) => {
  const d = await make();
  d.editCompose((file) => Object.assign(file.services.whalefall ?? {}, { deploy: { replicas: 2 } }));
  const ended = await d.run(args, options);
  isRefused(ended);
  expect(ended.text).toContain('The compose configuration asks for 2 containers of whalefall');
});

it.each(FLOWS.filter(([flow]) => !/hot|restore|rollback/.test(flow)))(
  '%s refuses where only compose gives the new container all it has',
  async (_flow, make, args, options) => {
    const d = await make();
    d.editCompose((file) => {
      file.secrets = { token: { environment: 'TOKEN' } };
      for (const service of Object.values(file.services)) Object.assign(service, { secrets: [{ source: 'token' }] });
    });
    d.writeEnv(readFileSync(path.join(d.dir, '.env'), 'utf8').replace(/LOG_LEVEL=.*/, 'LOG_LEVEL=DEBUG'));
    const ended = await d.run(args, options);
    isRefused(ended);
    expect(ended.text).toContain('has what only docker compose itself gives a container (secrets: token)');
  },
);

it('makes the new container of a service that has a link to another by its own name', async () => {
  const d = await updatable();
  d.editCompose((file) => Object.assign(file.services.whalefall ?? {}, { links: ['redis'] }));
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
});

it('tries a new image beside a container that has an address of its own choice', async () => {
  const made = deployment();
  made.editCompose((file) =>
    Object.assign(file.services.whalefall ?? {}, { networks: { default: { ipv4_address: '172.18.0.9' } } }),
  );
  const d = await production(made);
  expect(appOf(d).addresses).toEqual(['172.18.0.9']);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
});

const REPLACING = FLOWS.filter(([flow]) => /rebuild|by image/.test(flow));

it.each(REPLACING)(
  '%s takes nothing off a network that the compose file declares in another way',
  async (_flow, make, args, options) => {
    const d = await make();
    d.editCompose((file) => {
      file.networks = { whalefall_prod_network: { driver_opts: { 'com.docker.network.driver.mtu': '1400' } } };
    });
    // What asks compose to run, or to make, anything with the network as it is declared fails in the model.
    const ended = await d.run(args, options);
    expect(ended.exitCode, ended.text).toBe(0);
    expect(ended.text).toContain(
      'Network prod_whalefall_prod_network is declared in another way than it is (driver_opts com.docker.network.driver.mtu)',
    );
  },
);

it.each(FLOWS)('%s refuses where a service is to be in the network of others', async (_flow, make, args, options) => {
  const d = await make();
  d.editCompose((file) => Object.assign(file.services.whalefall ?? {}, { network_mode: 'host' }));
  const ended = await d.run(args, options);
  isRefused(ended);
  expect(ended.text).toContain('network_mode: host');
});

it('goes on after what it advised', async () => {
  const d = await updatable();
  const second = another(d);
  const { text } = await d.run(KEEP);
  const [, advised = ''] = /: (docker stop .* && docker rm .*)$/m.exec(text) ?? [];
  for (const command of advised.split(' && ')) {
    const { exitCode = 0 } = d.machine.run({
      argv: command.split(' '),
      env: {},
      input: Buffer.alloc(0),
      extraFd: undefined,
    });
    expect(exitCode).toBe(0);
  }
  expect(d.machine.engine.containers).not.toContain(second);
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
});

it('refuses two servers of one store as well', async () => {
  const d = await updatable();
  another(d, 'redis');
  isRefused(await d.run(KEEP));
});

it('still removes what a killed run has left', async () => {
  const d = await updatable();
  const { engine } = d.machine;
  engine.stop(another(d));
  expect(await runAndCheck(d, KEEP)).toMatchObject({ exitCode: 0 });
  expect(engine.containers.filter((c) => c.name.endsWith('-2'))).toEqual([]);
});

it('does not remove one that was started after the survey', async () => {
  const d = await updatable();
  let second: Container | undefined;
  d.machine.onDump = () => {
    second ??= another(d);
  };
  const { id } = appOf(d);
  const ended = await d.run(KEEP);
  expect(ended.exitCode, ended.text).not.toBe(0);
  expect(ended.text).toContain('whalefall runs in 2 containers');
  expect([appOf(d).id, appOf(d).state, second?.state]).toEqual([id, 'running', 'running']);
});

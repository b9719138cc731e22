import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { deployProdAll } from '../../scripts/deploy-prod-all.ts';
import { rollbackProd } from '../../scripts/rollback-prod.ts';
import { updateProdFlask } from '../../scripts/update-prod-flask.ts';
import { type Deployment, ENV, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { NEW_REVISION, OLD_REVISION, release } from './model/release.ts';
import { SITE } from './model/release-files.ts';
import { updatable } from './model/updatable.ts';

// Whatever a new container would fail at is known while the old one serves: it is never stopped for that.

const CERTIFICATE = 'ssl_certificate /etc/nginx/ssl/cert.pem;\n';

/** Production whose nginx reads a certificate that compose mounts. */
async function withCertificate(): Promise<{ d: Deployment; certs: string }> {
  const d = await production(undefined, release('old', { files: { [SITE]: CERTIFICATE } }));
  const certs = path.join(d.dir, 'certs');
  mkdirSync(certs);
  writeFileSync(path.join(certs, 'cert.pem'), 'a certificate');
  d.editCompose((file) => {
    const volumes = [{ type: 'bind', source: certs, target: '/etc/nginx/ssl' }];
    Object.assign(file.services.whalefall ?? {}, { volumes });
  });
  delete d.container('whalefall')?.layer['/app/userdata/upload.txt']; // not lost with the container
  await d.byHand('up -d --no-deps --no-build --pull never whalefall');
  await d.machine.clock.sleep(10_000);
  const app = d.container('whalefall');
  if (app) app.layer['/app/userdata/upload.txt'] = 'an upload';
  d.machine.changes.length = 0;
  d.machine.release = release('new', { files: { [SITE]: CERTIFICATE } });
  return { d, certs };
}

/** The run ends so, and nothing noticed: the same container serves, and was never stopped. */
async function refused(d: Deployment, exitCode: number, text: RegExp): Promise<void> {
  const app = d.container('whalefall');
  app?.app?.visitor.start(d.machine.clock.monotonic(), app.app.service());
  const ended = await runAndCheck(d, ['--data', 'keep', '--yes']);
  expect(ended, ended.text).toMatchObject({ exitCode, text: expect.stringMatching(text) });
  app?.app?.visitor.stop(d.machine.clock.monotonic());
  expect(d.container('whalefall')?.id).toBe(app?.id);
  expect(app?.app?.visitor).toMatchObject({ interruptions: 0, failures: [] });
}

it('a mounted certificate that is gone is told by name, and nothing is put in its place', async () => {
  const { d, certs } = await withCertificate();
  rmSync(certs, { recursive: true });
  await refused(d, 3, /certs does not exist, and whalefall:\/etc\/nginx\/ssl mounts it/);
});

it('a mounted directory that is empty now is found by nginx, as the entrypoint renders its site', async () => {
  const { d, certs } = await withCertificate();
  rmSync(path.join(certs, 'cert.pem'));
  await refused(d, 1, /would not come up[\s\S]*cannot load certificate/);
});

it('an entrypoint that ends by itself', async () => {
  const d = await production();
  d.machine.release = release('new', { exitsAtStart: true });
  await refused(d, 1, /would not come up[\s\S]*exit_at_start/);
});

it('a root file system that can only be read', async () => {
  const d = await production();
  d.editCompose((file) => Object.assign(file.services.whalefall ?? {}, { read_only: true }));
  await refused(d, 1, /rootfs is marked read-only/);
});

it('an address that this machine lacks', async () => {
  const d = await production();
  d.editCompose((file) => Object.assign(file.services.whalefall?.ports?.[0] ?? {}, { host_ip: '10.99.99.99' }));
  await refused(d, 3, /10\.99\.99\.99:28080 is to be published on an address that this machine does not have/);
});

it('a revision that the new image does not know', async () => {
  const d = await production();
  Object.assign(d.cluster?.databases.whalefall_prod ?? {}, { stamp: NEW_REVISION, shape: NEW_REVISION });
  await refused(
    d,
    3,
    new RegExp(`at revision ${NEW_REVISION}, which this image does not know.*end at ${OLD_REVISION}`),
  );
});

it('a password that the server does not have is told before, and set', async () => {
  const d = await production();
  d.writeEnv(ENV.replace('sentinel-postgres-4f1c9a', 'sentinel-another-9a8b7c'));
  const ended = await runAndCheck(d, ['--data', 'keep', '--yes']);
  expect(ended, ended.text).toMatchObject({ exitCode: 0, text: expect.stringMatching(/another password.*ALTER ROLE/) });
});

it('what runs is told by its files: a container that was made anew runs its image again, whatever it was updated to', async () => {
  const d = await updatable({});
  const image = d.container('whalefall')?.image.release?.commit.slice(0, 10);
  await updateAndCheck(d, ['--yes', '--soak', '2s']);
  const hot = d.machine.repository?.head.slice(0, 10);
  expect(hot).not.toBe(image);
  await d.byHand('up -d --force-recreate --no-deps --no-build --pull never whalefall');
  await d.machine.clock.sleep(10_000);
  const told = new RegExp(`Released last was ${hot}, and that is not what runs: commit ${image}`);
  for (const script of [deployProdAll, updateProdFlask]) {
    const { text } = await d.run(['--plan', ...(script === deployProdAll ? ['--data', 'keep'] : [])], { script });
    expect(text).toMatch(told);
    expect(text).toMatch(new RegExp(`runs now .*${image}`));
  }
  const listed = await d.run([], { script: rollbackProd });
  expect(listed.text).toMatch(told);
});

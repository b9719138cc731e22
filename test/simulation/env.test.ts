import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readEnvText } from '../../lib/domain/env/file.ts';
import { deployment, ENV, production } from './model/deployment.ts';
import { runAndCheck } from './model/invariants.ts';
import { UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];
const SECRETS = ['POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'SECRET_KEY', 'PASSWORD_ENCRYPTION_KEY'];
/** As after `cp env.example .env`. */
const EMPTY = ENV.replace(new RegExp(`^(${SECRETS.join('|')})=.*$`, 'gm'), '$1=');

const envOf = (dir: string) => readEnvText(readFileSync(path.join(dir, '.env'), 'utf8')).values;

it('fills in the secrets that a copied example has empty, once somebody agrees', async () => {
  const d = deployment();
  d.writeEnv(EMPTY);
  expect(await runAndCheck(d, ['--data', 'keep'])).toMatchObject({ exitCode: 4, changes: [] });
  const plan = await runAndCheck(d, ['--data', 'keep', '--plan']);
  expect(plan).toMatchObject({ exitCode: 0, changes: [] });
  expect(plan.text).toContain(`Would ask whether to fill in what is empty in .env: ${SECRETS.join(', ')}`);
  expect(readFileSync(path.join(d.dir, '.env'), 'utf8')).toBe(EMPTY);
  const ended = await runAndCheck(d, KEEP);
  expect(ended.exitCode, ended.text).toBe(0);
  const values = envOf(d.dir);
  for (const name of SECRETS) expect(values[name], name).toMatch(/^[\w-]{43,64}=?$/);
});

it('makes no new secrets where there is a database', async () => {
  const d = await production();
  d.writeEnv(EMPTY);
  const ended = await runAndCheck(d, KEEP);
  expect(ended).toMatchObject({ exitCode: 3, changes: [] });
  expect(ended.text).toMatch(
    /In \.env these are empty: POSTGRES_PASSWORD.*The database volume prod_whalefall_postgres_data exists/s,
  );
  expect(readFileSync(path.join(d.dir, '.env'), 'utf8')).toBe(EMPTY);
});

it('says everything else that is wrong before it offers anything', async () => {
  const d = deployment();
  d.writeEnv(EMPTY.replace('LOG_LEVEL=INFO', 'LOG_LEVEL='));
  const ended = await runAndCheck(d, KEEP);
  expect(ended).toMatchObject({ exitCode: 2, changes: [] });
  expect(ended.text).toMatch(/LOG_LEVEL: is required, and empty/);
  expect(ended.text).toMatch(/SECRET_KEY: is required, and empty/);
});

it('tells a hot update what of .env it does not bring, by name alone', async () => {
  const d = await updatable();
  const text = readFileSync(path.join(d.dir, '.env'), 'utf8');
  d.writeEnv(text.replace(/^LOG_LEVEL=.*$/m, 'LOG_LEVEL=DEBUG-of-today').replace(/^APP_VERSION=.*\n/m, ''));
  const ended = await d.run(['--plan'], { script: UPDATE });
  expect(ended).toMatchObject({ exitCode: 0, changes: [] });
  expect(ended.text).toContain('env.example of this release has variables that .env lacks: APP_VERSION.');
  expect(ended.text).toMatch(
    /\.env or the compose file gives other variables than the container was made with: [A-Z_, ]*LOG_LEVEL/,
  );
  expect(ended.text).toContain('scripts/apply-env.ts');
  expect(ended.text).not.toContain('DEBUG-of-today');
});

describe('what .env tells compose', () => {
  it('takes down nothing that a command of ours does not name', async () => {
    const d = await production();
    d.writeEnv(`${ENV}COMPOSE_REMOVE_ORPHANS=1\n`);
    const ended = await runAndCheck(d, KEEP);
    expect(ended.exitCode, ended.text).toBe(0);
  });

  it('names container and image as compose would, whatever it puts between the parts', async () => {
    const d = await production();
    d.editCompose(({ services: { whalefall } }) => {
      delete whalefall?.image;
      delete whalefall?.container_name;
    });
    d.writeEnv(`${ENV}COMPOSE_COMPATIBILITY=true\n`);
    const ended = await runAndCheck(d, KEEP);
    expect(ended.exitCode, ended.text).toBe(0);
    const { name, image } = d.container('whalefall') ?? {};
    expect({ name, tags: [...(image?.tags ?? [])] }).toMatchObject({
      name: 'prod_whalefall_1',
      tags: expect.arrayContaining(['prod_whalefall']),
    });
  });
});

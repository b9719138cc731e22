import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { composeFiles } from '../../../../lib/tools/docker/compose-files.ts';

function directory(env?: string): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'compose-files-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  if (env !== undefined) writeFileSync(path.join(dir, '.env'), env);
  return dir;
}
const names = (env?: string, composeFilesNamed?: readonly string[]) => {
  const dir = directory(env);
  const files = composeFiles({ dir, composeFile: 'docker-compose.prod.yml', composeFiles: composeFilesNamed });
  return files.map((file) => path.relative(dir, file));
};

it('takes the files that .env names, in their order, and the target’s own without', () => {
  expect(names('COMPOSE_FILE=docker-compose.prod.yml:override.yml\n')).toEqual([
    'docker-compose.prod.yml',
    'override.yml',
  ]);
  expect(names('COMPOSE_FILE=a.yml,b.yml\nCOMPOSE_PATH_SEPARATOR=,\n')).toEqual(['a.yml', 'b.yml']);
  expect(names('COMPOSE_FILE=\n')).toEqual(['docker-compose.prod.yml']);
  expect(names()).toEqual(['docker-compose.prod.yml']);
});

it('takes what the terminal names before what .env does', () => {
  expect(names('COMPOSE_FILE=a.yml\n', ['b.yml', 'c.yml'])).toEqual(['b.yml', 'c.yml']);
});

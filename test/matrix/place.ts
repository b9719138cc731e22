import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { ensureEngine } from '../sandbox/engine.ts';
import { ensureBaseImages } from '../sandbox/images.ts';
import { recipe } from '../sandbox/recipe.ts';
import { $, ask } from '../sandbox/run.ts';
import { Machine } from './machine.ts';
import type { Surrounding } from './surroundings.ts';
import { makeBaseTree, TREES, WORK } from './trees.ts';

/** Where the acceptance of a surrounding runs. */
export interface Place {
  /** Words before a command that runs there. */
  readonly enter: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The program that runs the scripts. */
  readonly node: string;
  /** A directory that can be written to from there, under this name here as well. */
  readonly home: string;
}

const USER = 'wfops-matrix';

const workOf = ({ name }: Surrounding) => path.join(WORK, name);

/** Brings a surrounding up; one that is up already is taken as it is. */
export async function bringUp(surrounding: Surrounding): Promise<Place> {
  const home = path.join(workOf(surrounding), 'home');
  const root = path.join(home, surrounding.plainUser ? 'a link' : 'deploy');
  const temporary = path.join(home, 'tmp');
  for (const dir of [temporary, path.join(home, 'a directory')]) mkdirSync(dir, { recursive: true });
  if (surrounding.plainUser && !existsSync(root)) symlinkSync('a directory', root);
  const env = { SANDBOX_RECIPE: surrounding.recipe, SANDBOX_TREES: TREES, MATRIX_ROOT: root };
  if (surrounding.recipe !== 'bookworm' || surrounding.machine) await makeBaseTree(recipe(surrounding.recipe).suite);
  if (surrounding.machine) {
    const machine = new Machine(workOf(surrounding), surrounding.machine);
    return { enter: await machine.start(home), env, node: process.execPath, home };
  }
  await ensureEngine({ install: false });
  if (surrounding.plainUser) {
    await ensureBaseImages(recipe(surrounding.recipe)); // only root can unpack a distribution
    return { ...(await asPlainUser(home)), env: { ...env, HOME: home, TMPDIR: temporary }, home };
  }
  const node = surrounding.node === undefined ? process.execPath : await nodeOf(surrounding.node, workOf(surrounding));
  return { enter: [], env, node, home };
}

/** Takes away what {@link bringUp} has made; what the acceptance itself has made is gone before. */
export async function takeDown(surrounding: Surrounding): Promise<void> {
  if (surrounding.machine) await new Machine(workOf(surrounding), surrounding.machine).remove();
  else if (surrounding.recipe !== 'bookworm') await removeImages(surrounding.recipe);
  if (surrounding.plainUser) await $({ nothrow: true })`userdel ${USER}`;
  rmSync(workOf(surrounding), { recursive: true, force: true });
}

/** @returns how to become that user. */
async function asPlainUser(home: string): Promise<Pick<Place, 'enter' | 'node'>> {
  if (!(await ask('id', USER))) await $`useradd --system --no-create-home --home-dir ${home} --groups docker ${USER}`;
  await $`chown -R ${USER}: ${home}`;
  const umask = ['bash', '-c', 'umask 077; exec "$@"', 'umask'];
  const become = ['setpriv', '--reuid', USER, '--regid', USER, '--init-groups', '--'];
  return { enter: [...become, ...umask], node: process.execPath };
}

/** Node as the registry's package has it. */
async function nodeOf(major: number, dir: string): Promise<string> {
  const name = `node-linux-${process.arch}`;
  const program = path.join(dir, 'node_modules', name, 'bin/node');
  if (!existsSync(program)) {
    await $({ timeout: '300s' })`npm install --prefix ${dir} --no-save --no-audit --no-fund ${`${name}@${major}`}`;
  }
  return program;
}

async function removeImages(text: string): Promise<void> {
  const { postgres, redis, appBase } = await ensureBaseImages(recipe(text));
  await $`docker image rm ${[postgres, redis, appBase]}`;
}

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Deployment, ENV, production } from './deployment.ts';
import { writeFiles } from './files.ts';

/** The same machine, as whoever works in another directory has it. */
export const from = (d: Deployment, dir: string): Deployment => Object.create(d, { dir: { value: dir } }) as Deployment;

/** Production, and a second checkout in a directory of the same name, with secrets of its own: what scripts there are to find. */
export async function secondCheckout(made: Deployment): Promise<Deployment> {
  const first = await production(made);
  const dir = path.join(first.root, 'second', 'prod');
  mkdirSync(dir, { recursive: true });
  writeFiles(dir);
  const second = from(first, dir);
  second.writeEnv(ENV.replaceAll(/sentinel-(postgres|redis)/g, 'second-$1'));
  return second;
}

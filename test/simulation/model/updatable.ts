import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { updateProdFlask } from '../../../scripts/update-prod-flask.ts';
import { write } from './app-files.ts';
import { type Deployment, deployment, production } from './deployment.ts';
import type { Container } from './engine.ts';
import { Repository } from './git.ts';
import { type Release, release } from './release.ts';

export const UPDATE = updateProdFlask;
export const HAND_MADE = '/app/notes_of_the_operator.txt';

const DAY = 86_400;

/** Production of an older release that a script of ours deployed, and a newer release that was pushed. */
export async function updatable(
  next: Partial<Release> = {},
  {
    former = {},
    marked = true,
    made = deployment(),
  }: { former?: Partial<Release>; marked?: boolean; made?: Deployment } = {},
): Promise<Deployment> {
  await production(made, release('old', former));
  const { machine } = made;
  const repository = new Repository(made.dir, (commit) => {
    machine.release = machine.engine.releases.get(commit) ?? machine.release;
  });
  const [old, pushed] = [release('old', former), release('new', next)];
  const seconds = Math.floor(machine.clock.now() / 1000);
  repository.push(old, seconds - 2 * DAY);
  repository.checkOut(old.commit);
  machine.engine.releases.set(pushed.commit, pushed);
  repository.push(pushed, seconds - DAY);
  machine.repository = repository;
  const app = appOf(made);
  app.layer[HAND_MADE] = { data: 'by hand', mode: '100644', owner: 'operator' };
  app.layer['/app/userdata/report.csv'] = { data: 'of somebody', mode: '100644', owner: 'app' };
  if (marked) write(app, '/app/.whalefall-release.json', `${JSON.stringify({ commit: old.commit, run: 'a run' })}\n`);
  machine.engine.catchUp();
  return made;
}

export function appOf(d: Deployment): Container {
  const app = d.container('whalefall');
  if (!app) throw new Error('there is no application');
  return app;
}

/** Somebody's change of a file in the deploy directory. */
export function editLocally(d: Deployment, file = 'app/models/note.py', text = '# a change of this server\n'): void {
  writeFileSync(path.join(d.dir, file), text);
}

import type { AppContainer } from './app-container.ts';

/** A signal to one of the container's processes. @returns false when there is none of this number. */
export function send(app: AppContainer, signal: string, pid: number): boolean {
  const master = app.gunicorns.find((g) => g.pid === pid);
  const owner = app.gunicorns.find((g) => g.workers.some((w) => w.pid === pid));
  const isEnd = signal === 'KILL' || signal === 'TERM';
  if (master && app.canaries.includes(master) && isEnd) master.end();
  else if (master) master.signal(signal);
  else if (owner && signal === 'KILL') owner.kill(pid);
  else if (owner && signal === 'TERM') owner.term(pid);
  else if (app.others.some((o) => o.pid === pid) && isEnd) app.others = app.others.filter((o) => o.pid !== pid);
  else return false;
  app.seen();
  return true;
}

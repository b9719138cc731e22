import { expect, it } from 'vitest';
import { itInFull, some } from '../thorough.ts';
import { stepBegins } from '../update/disturb.ts';
import { docker } from '../update/stack.ts';
import { NAME, PHRASE, RESTORER, type World } from './world.ts';

/** The server gives its sessions that restore a signal. */
const signalled = (name: 'STOP' | 'CONT') =>
  `EXECUTE (SELECT format('COPY (SELECT) TO PROGRAM %L', 'kill -${name} ' || string_agg(pid::text, ' ')) FROM ${RESTORER})`;

/** Something goes wrong in the middle: the database in use and the application are as before. */
export function disturbedCases(world: () => World): void {
  itInFull('a connection that is killed in the middle of the restore', async () => {
    const [notes, databases] = [world().notes(), world().databases()];
    const killed = world().onceRestoring(`PERFORM pg_terminate_backend(pid) FROM ${RESTORER}`);
    const ended = await world().restore(...PHRASE);
    await killed;
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toMatch(/terminating connection|server closed the connection/);
    await world().expectUnharmed(notes, databases);
  });

  it.each(some(['restore', 'hold', 'swap', 'release', 'prove']))('Ctrl-C during %s', async (step) => {
    const [notes, databases] = [world().notes(), world().databases()];
    const running = world().launch(...PHRASE);
    await stepBegins(running, step);
    running.signal('SIGINT');
    const ended = await running.ended;
    expect(ended.exitCode, ended.text).toBe(130);
    expect(ended.text).toContain('is the one from before');
    // Once people may have written to the restored one it stays beside.
    const kept = world()
      .databases()
      .filter((d) => d.startsWith(`${NAME}_before_`));
    expect(kept.length).toBe(step === 'release' || step === 'prove' ? 1 : 0);
    await world().expectUnharmed(notes, [...databases, ...kept]);
    for (const name of kept) expect(world().notesIn(name)).toBe('in the backup');
    world().forgetKept();
  });

  it.each(some(['hold', 'swap', 'release', 'prove']))(
    'a run that is killed outright during %s leaves nobody waiting',
    async (step) => {
      const running = world().launch(...PHRASE);
      await stepBegins(running, step);
      running.signal('SIGKILL');
      expect((await running.ended).exitCode).toBe(null);
      await expect.poll(() => world().appState(), { timeout: 60_000 }).toBe('running');
      await expect.poll(() => world().healthy(), { timeout: 60_000 }).toBe(true);
      // Wholly the old one or wholly the new one.
      expect(['in the backup', 'in the backup,written since']).toContain(world().notes());

      // Run again, it converges, and says what the killed one left, or what it had done already.
      const swapped = world().notes() === 'in the backup';
      const again = await world().restore('--lock-wait', '30s', ...PHRASE);
      expect(again.exitCode, again.text).toBe(0);
      expect(world().notes()).toBe('in the backup');
      expect(again.text).toMatch(
        swapped ? /is already what was asked for/ : /Also there: whalefall_prod_(before|restoring)_\S+/,
      );
      const old = world()
        .databases()
        .find((d) => /_before_/.test(d) && world().notesIn(d) === 'in the backup,written since');
      const back = await world().restore('--back', old ?? '', ...PHRASE);
      expect(back.exitCode, back.text).toBe(0);
      expect(world().notes()).toBe('in the backup,written since');
      world().forgetKept();
    },
  );

  itInFull('a run that is killed during the restore: what it left is told and can be dropped', async () => {
    // It stands still, and is not over before its run is killed.
    const stopped = world().onceRestoring(signalled('STOP'));
    const running = world().launch(...PHRASE);
    try {
      await Promise.race([stopped, running.ended.then(({ text }) => Promise.reject(new Error(text)))]);
    } finally {
      running.signal('SIGKILL');
      await running.ended;
    }
    world().server(`DO $$ BEGIN ${signalled('CONT')}; END $$`);
    const left = world()
      .databases()
      .find((d) => d.startsWith(`${NAME}_restoring_`));
    expect(left).toBeDefined();
    const plan = await world().restore('--plan');
    expect(plan.text).toContain(`${left}`);
    expect(plan.text).toContain('an unfinished restore');
    const dropped = await world().restore('--lock-wait', '60s', '--drop', left ?? '', '--confirm', `DROP ${left}`);
    expect(dropped.exitCode, dropped.text).toBe(0);
    expect(world().databases()).toEqual(['postgres', NAME]);
    // The archive that it had copied into the container goes with the next restore.
    const next = await world().restore(...PHRASE);
    expect(next.exitCode, next.text).toBe(0);
    const kept = /--back (\S+)/.exec(next.text)?.[1] ?? '';
    await world().restore('--back', kept, ...PHRASE);
    world().forgetKept();
    await world().expectUnharmed('in the backup,written since', ['postgres', NAME]);
  });

  itInFull('a disk that is full in the middle of the restore', async () => {
    const [notes, databases] = [world().notes(), world().databases()];
    // The kernel refuses to let a file grow, as it does on a full disk; segments of the log (16 MB) still fit.
    const limit = (bytes: string) => {
      const script = `prlimit --pid "$(head -n 1 /var/lib/postgresql/data/postmaster.pid)" --fsize=${bytes}:`;
      docker('exec', '-u', 'postgres', world().stack.container('postgres'), 'sh', '-c', script);
    };
    limit('17000000');
    const ended = await world()
      .restore(...PHRASE)
      .finally(() => limit('unlimited'));
    expect(ended.exitCode, ended.text).toBe(1);
    expect(ended.text).toMatch(/could not extend file|File too large/);
    expect(ended.text).toContain('is the one from before');
    await world().expectUnharmed(notes, databases);
    // Whoever connected meanwhile still has the limit.
    docker('restart', world().stack.container('postgres'));
    await world().stack.settled();
  });
}

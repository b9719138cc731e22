import { expect, it } from 'vitest';
import { itInFull, some } from '../thorough.ts';
import { pause, stepBegins } from '../update/disturb.ts';
import { docker } from '../update/stack.ts';
import { NAME, PHRASE, type World } from './world.ts';

/** Something goes wrong in the middle: the database in use and the application are as before. */
export function disturbedCases(world: () => World): void {
  /** Waits until pg_restore has a session that fills the new database. */
  const restoring = async () => {
    const sessions = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_restore' AND query LIKE 'COPY%'`;
    for (let tries = 0; world().server(sessions) === '0'; tries += 1) {
      if (tries > 200) throw new Error('nobody restores');
      await pause(10);
    }
  };

  itInFull('a connection that is killed in the middle of the restore', async () => {
    const [notes, databases] = [world().notes(), world().databases()];
    const running = world().launch(...PHRASE);
    await stepBegins(running, 'restore');
    await restoring();
    world().server("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_restore'");
    const ended = await running.ended;
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
    await world().expectUnharmed(notes, databases);
  });

  it.each(some(['hold', 'swap', 'release', 'prove'], 1))(
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

      // Run again, it converges, and says what the killed one left.
      const again = await world().restore('--lock-wait', '30s', ...PHRASE);
      expect(again.exitCode, again.text).toBe(0);
      expect(world().notes()).toBe('in the backup');
      expect(again.text).toMatch(/Also there: whalefall_prod_(before|restoring)_\S+/);
      const old = world()
        .databases()
        .find((d) => /_before_/.test(d) && world().server(`\\c ${d}\nSELECT count(*) FROM notes`) === '2');
      const back = await world().restore('--back', old ?? '', ...PHRASE);
      expect(back.exitCode, back.text).toBe(0);
      expect(world().notes()).toBe('in the backup,written since');
      world().forgetKept();
    },
  );

  itInFull('a run that is killed during the restore: what it left is told and can be dropped', async () => {
    const running = world().launch(...PHRASE);
    await stepBegins(running, 'restore');
    await restoring();
    running.signal('SIGKILL');
    await running.ended;
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

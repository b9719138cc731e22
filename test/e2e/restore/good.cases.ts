import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { startLoad } from '../../support/load.ts';
import { itInFull } from '../thorough.ts';
import { docker } from '../update/stack.ts';
import { NAME, PHRASE, type World } from './world.ts';

/**
 * Somebody who connects to the database again and again, as a pool does that lost its connections. Each session is an exec of its
 * own: a shell in there that ends before its psql leaves an orphan to process 1, the server, which takes any exit code
 * but 0 and 1 for the crash of one of its own processes and starts over.
 */
function reconnecting(world: World): { stop(): Promise<void> } {
  const psql = ['psql', '-XqAt', '-U', 'whalefall_user', '-d', NAME, '-c', 'SELECT pg_sleep(0.3)'];
  let stopped = false;
  const sessions = (async () => {
    while (!stopped) {
      const child = spawn('docker', ['exec', world.stack.container('postgres'), ...psql], { stdio: 'ignore' });
      await new Promise((resolve) => child.on('close', resolve));
    }
  })();
  return {
    stop() {
      stopped = true;
      return sessions;
    },
  };
}

export function goodCases(world: () => World): void {
  it('shows what would be lost, and changes nothing without the phrase', async () => {
    const [notes, databases] = [world().notes(), world().databases()];
    const planned = await world().restore('--plan');
    expect(planned.exitCode, planned.text).toBe(0);
    expect(planned.text).toMatch(/disk +[\d.]+ GB free, [\d.]+ .B needed/);
    const declined = await world().restore();
    expect(declined.exitCode, declined.text).toBe(4);
    expect(declined.text).toMatch(/rows in public\.notes +2 → 1/);
    expect(declined.text).not.toContain("can't be written");
    await world().expectUnharmed(notes, databases);
  });

  it('swaps under load, with somebody who connects again and again, and comes back', async () => {
    const load = await startLoad(`${world().stack.sandbox.url}/api/v1/notes`, '--rate', '20');
    const client = reconnecting(world());
    const restored = await world()
      .restore(...PHRASE)
      .finally(() => client.stop());
    const report = await load.stop();
    expect(restored.exitCode, restored.text).toBe(0);
    console.log(restored.text, JSON.stringify(report));
    expect(world().notes()).toBe('in the backup');
    expect(restored.text).toMatch(/requests meanwhile +wait at ports/);
    expect(report, restored.text).toMatchObject({ failed: 0 });
    const kept = /--back (\S+)/.exec(restored.text)?.[1] ?? '';
    expect(world().databases()).toEqual(['postgres', NAME, kept]);

    const back = await world().restore('--back', kept, ...PHRASE);
    expect(back.exitCode, back.text).toBe(0);
    expect(back.text).toMatch(/rows in public\.notes +1 → 2/);
    expect(world().notes()).toBe('in the backup,written since');
    world().forgetKept();
  });

  itInFull('ends the sessions of that database alone', async () => {
    const pg = world().stack.container('postgres');
    const other = spawn('docker', [
      'exec',
      pg,
      'psql',
      '-XqAt',
      '-U',
      'whalefall_user',
      '-d',
      'postgres',
      '-c',
      "SELECT pg_sleep(12), 'went through'",
    ]);
    let said = '';
    other.stdout.on('data', (d: Buffer) => (said += d));
    const ended = new Promise((resolve) => other.on('close', resolve));
    const restored = await world().restore(...PHRASE);
    await ended;
    expect(restored.exitCode, restored.text).toBe(0);
    expect(said).toContain('went through');
    // Somebody looks into the kept one: that is no obstacle to returning to it.
    const kept = /--back (\S+)/.exec(restored.text)?.[1] ?? '';
    const looking = ['psql', '-XqAt', '-U', 'whalefall_user', '-d', kept, '-c', 'SELECT pg_sleep(60)'];
    spawn('docker', ['exec', pg, ...looking], { stdio: 'ignore' });
    const back = await world().restore('--back', kept, ...PHRASE);
    expect(back.exitCode, back.text).toBe(0);
    expect(world().notes()).toBe('in the backup,written since');
    world().forgetKept();
  });

  itInFull('brings back a role that owned tables and is not there any more', async () => {
    world().stack.sql(`CREATE ROLE reporter; CREATE TABLE reports (id int); ALTER TABLE reports OWNER TO reporter`);
    const backup = world().backUp();
    world().stack.sql('DROP TABLE reports; DROP ROLE reporter');
    const restored = await world().restore(backup, ...PHRASE);
    expect(restored.exitCode, restored.text).toBe(0);
    expect(world().stack.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'reports'")).toBe('reporter');
    world().stack.sql('DROP TABLE reports');
    world().forgetKept();
    world().server('DROP ROLE reporter');
  });

  itInFull('restores where the database is gone altogether', async () => {
    world().server(`DROP DATABASE ${NAME} WITH (FORCE)`);
    const restored = await world().restore(...PHRASE);
    expect(restored.exitCode, restored.text).toBe(0);
    expect(restored.text).toMatch(/database now +whalefall_prod: there is none/);
    expect(world().databases()).toEqual(['postgres', NAME]);
    expect(await world().healthy()).toBe(true);
  });

  itInFull('restores with the application stopped, and leaves it stopped', async () => {
    docker('stop', world().stack.container('whalefall'));
    const restored = await world().restore(...PHRASE);
    expect(restored.exitCode, restored.text).toBe(0);
    expect(restored.text).toContain('The application does not run.');
    expect(restored.text).not.toContain('Pause the application');
    expect(world().appState()).toBe('exited');
    docker('start', world().stack.container('whalefall'));
    await world().stack.settled();
    world().forgetKept();
  });

  itInFull('drops what it kept only when that is named, and saved', async () => {
    const restored = await world().restore(...PHRASE);
    const kept = /--back (\S+)/.exec(restored.text)?.[1] ?? '';
    const early = await world().restore('--drop', kept, '--confirm', `DROP ${kept}`);
    expect(early.exitCode, early.text).toBe(3);
    expect(early.text).toContain('backup-prod.ts create');

    world().backUp();
    const declined = await world().restore('--drop', kept, '--confirm', 'yes');
    expect(declined.exitCode, declined.text).toBe(4);
    expect(declined.text).toMatch(/rows in public\.notes/);
    const foreign = await world().restore('--drop', 'postgres', '--confirm', 'DROP postgres');
    expect(foreign.exitCode, foreign.text).toBe(3);
    expect(world().databases()).toContain(kept);

    const dropped = await world().restore('--drop', kept, '--confirm', `DROP ${kept}`);
    expect(dropped.exitCode, dropped.text).toBe(0);
    expect(world().databases()).toEqual(['postgres', NAME]);
  });
}

import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { itInFull } from '../thorough.ts';
import { docker } from '../update/stack.ts';
import { PHRASE, type World } from './world.ts';

/** Whatever is wrong with a backup is said before anything is begun. */
export function badInputCases(world: () => World, backup: () => string): void {
  let forged = '';
  const refused = async (name: string, said: RegExp) => {
    const [notes, databases] = [world().notes(), world().databases()];
    const ended = await world().restore(name, ...PHRASE);
    expect(ended.exitCode, ended.text).toBe(3);
    expect(ended.text).toMatch(said);
    expect(ended.text).not.toContain('[1/');
    await world().expectUnharmed(notes, databases);
  };
  beforeEach(() => {
    forged = '';
  });
  afterEach(() => {
    if (forged !== '') rmSync(world().backup(forged), { recursive: true, force: true });
  });

  it('an unknown backup: tells which there are', () =>
    refused('nosuch', new RegExp(`no complete backup nosuch[\\s\\S]*${backup()}`)));

  itInFull('a database that is replicated: what is said to be typed lets it go on', async () => {
    world().stack.sql("CREATE SUBSCRIPTION head CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)");
    const ended = await world().restore(backup(), ...PHRASE);
    expect(ended.exitCode, ended.text).toBe(3);
    const typed = /→ (ALTER SUBSCRIPTION .*)/.exec(ended.text)?.[1] ?? '';
    for (const statement of typed.split('; ')) world().stack.sql(statement);
    expect((await world().restore(backup(), '--plan')).exitCode).toBe(0);
  });

  itInFull('a backup of another database', async () => {
    forged = await world().forged(backup(), (m) => ({ ...m, database: { ...m.database, name: 'other' } }));
    await refused(forged, /backup of database other/);
  });

  itInFull('a backup of a newer PostgreSQL', async () => {
    forged = await world().forged(backup(), (m) => ({
      ...m,
      server: { ...m.server, version: '99.1', versionNumber: 990001 },
    }));
    await refused(forged, /PostgreSQL 99\.1/);
  });

  itInFull('missing globals', async () => {
    forged = await world().forged(backup(), (m) => m);
    rmSync(path.join(world().backup(forged), 'globals.sql'));
    await refused(forged, /globals\.sql is missing/);
  });

  itInFull('more than the disk can hold', async () => {
    forged = await world().forged(backup(), (m) => ({ ...m, databaseBytes: 1e15 }));
    await refused(forged, /Not enough disk/);
  });

  itInFull('an application that somebody has paused', async () => {
    const app = world().stack.container('whalefall');
    docker('pause', app);
    const ended = await world().restore(backup(), ...PHRASE);
    docker('unpause', app);
    expect(ended.exitCode, ended.text).toBe(3);
    expect(ended.text).toContain(`docker unpause ${app.slice(0, 12)}`);
  });

  itInFull('several things at once', async () => {
    const ended = await world().restore(backup(), '--back', 'x');
    expect(ended.exitCode, ended.text).toBe(2);
  });
}

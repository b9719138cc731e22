import { execFile, execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { type DatabaseManifest, readManifest, writeManifest } from '../../../lib/domain/backup/manifest.ts';
import { type Ended, launchScript, type Running, runScript } from '../../support/run-script.ts';
import { docker, type Stack } from '../update/stack.ts';

export const NAME = 'whalefall_prod';
export const PHRASE = ['--confirm', `RESTORE ${NAME}`] as const;

const NOTES = "SELECT coalesce(string_agg(text, ',' ORDER BY id), '') FROM notes";

/** Sessions of pg_restore. */
export const RESTORER = "pg_stat_activity WHERE application_name = 'pg_restore'";

const REPO = path.join(import.meta.dirname, '../../..');

/** A stack with a database that is worth something, and restores of it. */
export class World {
  constructor(readonly stack: Stack) {}

  get #args(): string[] {
    return ['--dir', this.stack.sandbox.deployDir, '--config', this.stack.config];
  }

  restore(...args: readonly string[]): Promise<Ended> {
    return runScript('restore-prod', [...this.#args, ...args]);
  }

  /** The same, to be disturbed; each step is announced on a line of its own. */
  launch(...args: readonly string[]): Running {
    return launchScript('restore-prod', [...this.#args, '--json', ...args]);
  }

  /** Takes a backup that is restored and compared; answers its directory's name. */
  backUp(): string {
    const script = path.join(REPO, 'test/support/take-backup.ts');
    const argv = ['--import', 'tsx', script, '--lang', 'en', ...this.#args];
    const said = execFileSync(process.execPath, argv, { cwd: REPO, encoding: 'utf8' });
    return path.basename(/✓ (\S+)/.exec(said)?.[1] ?? '');
  }

  backup = (name: string): string => path.join(this.stack.state, 'backups', name);

  /** A copy of a backup whose manifest says something else, under a name of its own. */
  async forged(name: string, change: (manifest: DatabaseManifest) => DatabaseManifest): Promise<string> {
    const [from, id] = [this.backup(name), `forged-${name}`];
    rmSync(this.backup(id), { recursive: true, force: true });
    cpSync(from, this.backup(id), { recursive: true });
    await writeManifest(this.backup(id), { ...change(readManifest(from) as DatabaseManifest), id });
    return id;
  }

  get #psql(): string[] {
    const psql = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-U', 'whalefall_user', '-d', 'postgres'];
    return ['exec', '-i', this.stack.container('postgres'), ...psql];
  }

  /** Whatever the database answers, asked outside of the database in use. */
  server(query: string): string {
    return execFileSync('docker', this.#psql, { encoding: 'utf8', input: query }).trim();
  }

  /**
   * Has the server do something at the moment when pg_restore fills a database: nothing that has to be started then could be late.
   *
   * @param deed a statement of PL/pgSQL.
   */
  async onceRestoring(deed: string): Promise<void> {
    const look = `DO $$ BEGIN
      FOR tries IN 1..30000 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF EXISTS (SELECT FROM ${RESTORER} AND query LIKE 'COPY%') THEN ${deed}; RETURN; END IF;
        PERFORM pg_sleep(0.005);
      END LOOP;
      RAISE 'nobody restores';
    END $$`;
    await promisify(execFile)('docker', [...this.#psql, '-c', look]);
  }

  databases(): string[] {
    return this.server('SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1').split('\n');
  }

  notes = (): string => this.stack.sql(NOTES);

  /** Of a database that is kept beside. */
  notesIn = (database: string): string => this.server(`\\c ${database}\n${NOTES}`);

  /** One that is in the backup, and one that was written since. */
  writeNotes(): void {
    this.stack.sql("DELETE FROM notes; INSERT INTO notes (text) VALUES ('in the backup'), ('written since')");
  }

  appState = (): string => docker('inspect', '-f', '{{.State.Status}}', this.stack.container('whalefall'));

  async healthy(): Promise<boolean> {
    const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) };
    return fetch(`${this.stack.sandbox.directUrl}/api/v1/health`, options).then(
      async (r) => ((await r.json()) as { data?: { status?: string } }).data?.status === 'healthy',
      () => false,
    );
  }

  /** What must be so however a restore ended. */
  async expectUnharmed(notes: string, databases: readonly string[]): Promise<void> {
    expect(this.databases()).toEqual(databases);
    expect(this.notes()).toBe(notes);
    expect(this.appState()).toBe('running');
    expect(await this.healthy()).toBe(true);
    // The copy of a large archive in the container's /tmp is gone too.
    expect(docker('exec', this.stack.container('postgres'), 'ls', '/tmp')).not.toContain('whalefall-ops');
  }

  /** Makes what earlier cases kept go away, by hand. */
  forgetKept(): void {
    for (const name of this.databases().filter((d) => d.startsWith(`${NAME}_`))) {
      this.server(`DROP DATABASE "${name}" WITH (FORCE)`);
    }
  }

  newest = (): string => readdirSync(path.join(this.stack.state, 'backups')).sort().at(-1) ?? '';
}

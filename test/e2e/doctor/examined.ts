import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect } from 'vitest';
import { type Ended, runScript } from '../../support/run-script.ts';
import type { Stack } from '../update/stack.ts';
import type { Fault, Start } from './fault.ts';
import { NOTIFY } from './our-faults.ts';

const REPO = path.join(import.meta.dirname, '../../..');

/** What is true of a sandbox, and no fault: it has never been drilled, its machine is busy, its workers are as the deployed ones are. */
const JUSTIFIED = ['gunicorn.recycling', 'gunicorn.timeouts', 'supervisor.flapping']
  .concat(['host.load', 'host.memory', 'host.disk', 'host.clock'])
  .concat(['backup.age', 'backup.level', 'backup.elsewhere', 'drill.age'])
  // What the engine last saw is half a minute old, and the file before left files that no commit has.
  .concat(['container.health', 'container.restarts']);

export interface Finding {
  readonly id: string;
  readonly level: string;
  readonly under?: string;
  readonly acknowledged?: object;
  readonly seen: readonly { readonly en: string }[];
  readonly mend: readonly { readonly en: string }[];
}

export const briefly = (all: readonly Finding[]): readonly string[] =>
  all.map(({ id, seen }) => `${id}: ${seen.map((s) => s.en).join('; ')}`);

/** Doctor, and a stack that it looks at. */
export class Examined {
  /** All that doctor has shown. */
  readonly outputs: string[] = [];

  constructor(private readonly stack: Stack) {
    this.#configure();
  }

  /** @param unacknowledged what is a fault this time. */
  #configure(unacknowledged?: string, more: object = {}): void {
    const acknowledged = JUSTIFIED.filter((id) => id !== unacknowledged);
    this.stack.patience(120, {
      acknowledged: acknowledged.map((id) => ({ id, reason: 'a sandbox', until: '2099-12-31' })),
      notify: NOTIFY,
      ...more,
    });
  }

  async doctor(args: readonly string[], { env, mounts }: Start = {}): Promise<Ended> {
    const { sandbox, config } = this.stack;
    const how = { ...(env && { env }), ...(mounts && { mounts }) };
    const ended = await runScript('doctor', ['--dir', sandbox.deployDir, '--config', config, ...args], how);
    this.outputs.push(ended.text);
    return ended;
  }

  /** What is wrong, in the order that it is told; without what is acknowledged. */
  async found(start?: Start): Promise<readonly Finding[]> {
    const { text } = await this.doctor(['--json'], start);
    const events = text
      .split('\n')
      .flatMap((line): (Finding & { event: string })[] => (line.startsWith('{"event"') ? [JSON.parse(line)] : []));
    const all = events.filter(
      (e) => e.event === 'finding' && /WARN|FAIL/.test(e.level) && e.acknowledged === undefined,
    );
    if (events.length === 0) throw new Error(`doctor told nothing:\n${text}`);
    return all;
  }

  async isNamedFirst({ finds, below = [], inject, putBack, start }: Fault): Promise<void> {
    const { stack } = this;
    let mended = false;
    this.#configure(finds);
    // What a sandbox is told anyhow has to be told in other words now.
    const before = JUSTIFIED.includes(finds) ? briefly(await this.found()).filter((f) => f.startsWith(finds)) : [];
    try {
      await inject(stack);
      const how = start?.(stack) ?? {};
      this.#configure(finds, how.config);
      const all = await this.found(how);
      expect(all[0]?.id, briefly(all).join('\n')).toBe(finds);
      expect(before).not.toContain(briefly(all)[0]);
      for (const id of below) expect(all.find((f) => f.id === id)?.under, `${id} follows`).toBeDefined();
      // Whatever else is shown at the top is of the same cause's kind, and only a warning.
      const others = all.slice(1).filter((f) => f.under === undefined && f.level === 'FAIL');
      expect(briefly(others)).toEqual([]);
      mended = this.#tryCommands(all[0] as Finding);
    } finally {
      // A command may have put it back already, and there is nothing left to do it to.
      await (async () => putBack(stack))().catch((error: unknown) => {
        if (!mended) throw error;
      });
      this.#configure();
    }
  }

  /** Whatever is offered to be typed has to work as it stands there; but for our own long scripts, which have tests of their own. */
  #tryCommands({ mend }: Finding): boolean {
    const typed = mend
      .map(({ en }) => en)
      .filter((en) => /^(docker (?!compose)|\(\. |(WHALEFALL_\S+ )*npx tsx scripts\/adhoc\/)/.test(en));
    const env = { ...process.env, WHALEFALL_DIR: this.stack.sandbox.deployDir };
    for (const command of typed) {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
        cwd: REPO,
        env,
        encoding: 'utf8',
        timeout: 60_000,
      });
      const said = `${stdout}${stderr}`;
      // nginx -t tells what is wrong by failing; a log may have errors of others in it.
      const isWell = (status === 0 || / nginx -t$/.test(command)) && !/^(NOAUTH|ERROR: |\S+: ERROR)/m.test(said);
      expect(isWell, `${command}: exit code ${status}\n${said}`).toBe(true);
    }
    return typed.length > 0;
  }
}

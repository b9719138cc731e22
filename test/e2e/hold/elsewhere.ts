import { execFileSync } from 'node:child_process';

const LANE = Number(process.env.SANDBOX_LANE ?? 0);
const NAME = `wfops-hold${LANE}`;
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Another machine, as far as this one's firewall can tell: a network namespace behind a pair of virtual interfaces. */
export class Elsewhere {
  /** This machine as seen from there. */
  readonly host = `10.231.${LANE}.1`;
  /** Words before a command that runs there. */
  readonly enter = ['ip', 'netns', 'exec', NAME] as const;

  constructor() {
    this.remove(); // of a run that was killed
    ip('netns', 'add', NAME);
    ip('link', 'add', NAME, 'type', 'veth', 'peer', 'name', `${NAME}p`);
    ip('link', 'set', `${NAME}p`, 'netns', NAME);
    ip('addr', 'add', `${this.host}/24`, 'dev', NAME);
    ip('link', 'set', NAME, 'up');
    ip('-n', NAME, 'addr', 'add', `10.231.${LANE}.2/24`, 'dev', `${NAME}p`);
    ip('-n', NAME, 'link', 'set', `${NAME}p`, 'up');
    ip('-n', NAME, 'link', 'set', 'lo', 'up');
  }

  remove(): void {
    for (const args of [
      ['link', 'del', NAME],
      ['netns', 'del', NAME],
    ]) {
      try {
        ip(...args);
      } catch {
        // not there
      }
    }
  }
}

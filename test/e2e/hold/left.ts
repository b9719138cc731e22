import { execFileSync } from 'node:child_process';
import { commentOf } from '../../../lib/domain/hold/rules.ts';
import type { Stack } from '../update/stack.ts';

const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

/** Rules and doormen of a stack that are there now; nothing, once a run has ended. */
export function leftOf(project: string, comment: string): string[] {
  const rules = ['iptables', 'ip6tables'].flatMap((program) => run(program, '-w', '-t', 'nat', '-S').split('\n'));
  const doormen = run('docker', 'ps', '-a', '--format', '{{.Names}}').split('\n');
  return [
    ...rules.filter((line) => line.includes(comment)),
    ...doormen.filter((name) => name.startsWith(project) && name.includes('doorman')),
  ];
}

export const leftOfStack = ({ sandbox, state }: Stack): string[] => leftOf(sandbox.project, commentOf({ state }));

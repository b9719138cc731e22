import { expect, it } from 'vitest';
import { findFirewall, replaceRules, rulesWith } from '../../../../lib/tools/iptables/iptables.ts';
import { testOps } from '../../../support/ops.ts';

const LISTED = [
  '-P OUTPUT ACCEPT',
  '-A OUTPUT -p tcp -m comment --comment "whalefall-ops-hold-1" -j DNAT --to-destination :1',
  '-A OUTPUT -p tcp -m comment --comment whalefall-ops-hold-12 -j DNAT --to-destination :2',
  '-A OUTPUT -p tcp -m comment --comment "whalefall-ops-hold-1 or so" -j DNAT --to-destination :3',
];

it('knows rules by the whole of their comment', () => {
  expect(rulesWith('whalefall-ops-hold-1', LISTED)).toEqual([LISTED[1]]);
});

it('replaces them in one transaction, the first rule on top', async () => {
  const ops = testOps(({ argv }) => (argv.includes('-S') ? { stdout: LISTED.join('\n') } : {}));
  const firewall = { prefix: ['sudo', '-n'], families: ['ipv4'] } as const;
  await replaceRules(ops, firewall, 'whalefall-ops-hold-1', { ipv4: ['OUTPUT a', 'PREROUTING b'], ipv6: [] });
  const restore = ops.scripted.calls.at(-1);
  expect(restore?.argv.join(' ')).toBe('sudo -n iptables-restore -w 5 --noflush');
  expect(restore?.input.toString()).toBe(
    ['*nat', '-I PREROUTING 1 b', '-I OUTPUT 1 a', LISTED[1]?.replace('-A', '-D'), 'COMMIT', ''].join('\n'),
  );
});

it('does nothing where nothing is and nothing is to be', async () => {
  const ops = testOps(() => ({ stdout: '-P OUTPUT ACCEPT\n' }));
  await replaceRules(ops, { prefix: [], families: ['ipv4', 'ipv6'] }, 'c', { ipv4: [], ipv6: [] });
  expect(ops.scripted.calls.map((c) => c.argv.join(' '))).toEqual([
    'iptables -w 5 -t nat -S',
    'ip6tables -w 5 -t nat -S',
  ]);
});

it('does not take it that none is there where that can not be asked', async () => {
  const ops = testOps(() => ({ exitCode: 4, stderr: 'Another app is currently holding the xtables lock' }));
  const none = { ipv4: [], ipv6: [] };
  await expect(replaceRules(ops, { prefix: [], families: ['ipv4'] }, 'c', none)).rejects.toThrow('xtables lock');
});

it.each([
  ['as root', () => ({}), { prefix: [], families: ['ipv4', 'ipv6'] }],
  [
    'through sudo, without IPv6',
    ({ argv }: { argv: readonly string[] }) =>
      argv[0] === 'sudo' && argv[2] === 'iptables' ? {} : { exitCode: 4, stderr: 'Permission denied' },
    { prefix: ['sudo', '-n'], families: ['ipv4'] },
  ],
  ['not at all', () => ({ exitCode: 127 }), undefined],
] as const)('finds out how it may be used: %s', async (_how, answers, expected) => {
  expect(await findFirewall(testOps(answers))).toEqual(expected);
});

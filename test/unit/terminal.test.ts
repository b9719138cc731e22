import { expect, it } from 'vitest';
import { seconds, type TerminalOptions, terminal } from '../../lib/runbook/terminal.ts';
import { humanBytes, same } from '../../lib/text.ts';

function screen(more: Partial<TerminalOptions> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const log: string[] = [];
  const options: TerminalOptions = {
    language: 'en',
    color: false,
    json: false,
    yes: false,
    interactive: false,
    stdout: (t) => void out.push(t),
    stderr: (t) => void err.push(t),
    log: (t) => void log.push(t),
    redact: (t) => t.replaceAll('s3cret', '[secret]'),
    ...more,
  };
  return { screen: terminal(options), out, err, log };
}

const text = { en: 'password s3cret', zh: '密码 s3cret' };

it('redacts what is shown, logged and sent as JSON', () => {
  const { screen: s, out, err, log } = screen({ json: true });
  s.show({ event: 'warning', text, fix: text });
  expect([...out, ...err, ...log].join('')).not.toContain('s3cret');
  expect(JSON.parse(out[0] ?? '')).toMatchObject({ event: 'warning', text: { en: 'password [secret]' } });
});

it('keeps stdout for JSON alone', () => {
  const { screen: s, out, err } = screen({ json: true });
  s.show({ event: 'info', text: { en: 'hello', zh: '你好' } });
  expect(out.map((l) => JSON.parse(l))).toEqual([{ event: 'info', text: { en: 'hello', zh: '你好' } }]);
  expect(err).toEqual(['hello\n']);
});

it('shows a secret on a terminal only, and logs it nowhere', () => {
  const terminalOnly = screen({ interactive: true });
  expect(terminalOnly.screen.showSecret({ en: 'it:', zh: '它:' }, 'hush')).toBe(true);
  expect(terminalOnly.out.join('')).toContain('hush');
  expect(terminalOnly.log.join('')).not.toContain('hush');
  const piped = screen();
  expect(piped.screen.showSecret({ en: 'it:', zh: '它:' }, 'hush')).toBe(false);
  expect([...piped.out, ...piped.err, ...piped.log]).toEqual([]);
});

it('has no answers without a terminal, but yes to harmless questions with --yes', async () => {
  const { screen: s } = screen();
  expect(await s.askPhrase(text)).toBeUndefined();
  expect(await s.askYes(text)).toBeUndefined();
  expect(await s.askChoice(text, [{ value: 'keep', label: text }])).toBeUndefined();
  const yes = screen({ yes: true }).screen;
  expect(await yes.askYes(text)).toBe(true);
  expect(await yes.askPhrase(text)).toBeUndefined();
  expect(await yes.askChoice(text, [{ value: 'keep', label: text }])).toBeUndefined();
});

it('lines up Chinese labels, which take two columns a character', () => {
  const { screen: s, out } = screen({ language: 'zh' });
  s.show({
    event: 'table',
    id: 't',
    rows: [
      [{ en: 'a', zh: '卷' }, same('x')],
      [
        { en: 'bb', zh: 'abc' },
        { en: 'y', zh: '是' },
      ],
    ],
  });
  expect(out).toEqual(['  卷   x\n', '  abc  是\n']);
});

it('writes no color codes unless asked to', () => {
  const plain = screen();
  plain.screen.show({ event: 'error', text });
  expect(plain.out.join('')).not.toContain('\u001b');
  const colored = screen({ color: true });
  colored.screen.show({ event: 'error', text });
  expect(colored.out.join('')).toContain('\u001b[31m');
  expect(colored.log.join('')).not.toContain('\u001b');
});

it('lines up the columns of a list, and gives programs the values', () => {
  const list = {
    event: 'list',
    id: 'backups',
    columns: [{ en: 'backup', zh: '备份' }, same('size')],
    rows: [
      [same('a'), same('1 MB')],
      [same('longer one'), same('2 MB')],
    ],
    items: [{ id: 'a', bytes: 1 }],
  } as const;
  const plain = screen();
  plain.screen.show(list);
  expect(plain.out).toEqual(['  backup      size\n', '  a           1 MB\n', '  longer one  2 MB\n']);
  const json = screen({ json: true });
  json.screen.show(list);
  expect(JSON.parse(json.out.join(''))).toMatchObject({ event: 'list', items: [{ id: 'a', bytes: 1 }] });
});

it('shows what passes on a terminal only, and takes it away before the next line', () => {
  for (const quiet of [screen(), screen({ json: true, interactive: true })]) {
    quiet.screen.progress(text);
    expect([...quiet.out, ...quiet.err, ...quiet.log]).toEqual([]);
  }
  const live = screen({ interactive: true });
  live.screen.progress(text);
  live.screen.progress(same('50 %'));
  live.screen.show({ event: 'info', text: same('done') });
  live.screen.show({ event: 'info', text: same('more') });
  expect(live.out).toEqual(['password [secret]', '\r\u001b[2K50 %', '\r\u001b[2Kdone\n', 'more\n']);
  expect(live.log).toEqual(['done\n', 'more\n']);
});

it('writes durations and sizes for people', () => {
  expect([340, 2400, 65_000].map(seconds)).toEqual(['340 ms', '2.4 s', '1 min 05 s']);
  expect([512, 40_200_000].map(humanBytes)).toEqual(['512 B', '40.2 MB']);
});

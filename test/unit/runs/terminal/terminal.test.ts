import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { humanBytes, json, printable, SCRIPTS, same, seconds } from '../../../../lib/core/text.ts';
import { scriptsFrom } from '../../../../lib/core/world.ts';
import { type TerminalOptions, terminal } from '../../../../lib/runs/terminal/terminal.ts';

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
    scripts: SCRIPTS,
    stopped: new AbortController().signal,
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

it('names scripts as they are typed from where the person is', () => {
  const root = path.resolve(import.meta.dirname, '../../../..');
  expect(scriptsFrom(root)).toBe(SCRIPTS);
  const scripts = scriptsFrom(os.tmpdir());
  expect(scripts).toBe(`npx --prefix ${root} tsx ${root}/scripts/`);
  const { screen: s, out, log } = screen({ scripts });
  s.show({ event: 'info', text: same('→ npx tsx scripts/rollback-prod.ts previous') });
  expect([out, log]).toEqual([
    [`→ ${scripts}rollback-prod.ts previous\n`],
    [`→ ${scripts}rollback-prod.ts previous\n`],
  ]);
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

// What foreign text may be made of: words, ours too, and everything that a terminal obeys or a reader can't see.
const HOSTILE = [
  ...[
    '\x1b[2J',
    '\x1b]0;title\x07',
    '\x9b31m',
    '\u202edrow',
    '\u2066',
    '\u200b',
    '\u{e0041}',
    '\ufeff',
    '\ud800',
    '\u2028',
    '\r',
    '\b',
  ],
  ...[
    '\n',
    '\t',
    '✓ Deployed and proved',
    '$(reboot)',
    '`id`',
    "'",
    '"',
    '--yes',
    '鲸',
    '👩‍💻',
    's3cret',
    'x'.repeat(300),
  ],
];
const foreign = fc.array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 3 })), {
  maxLength: 8,
});
/** Ours, before the line that takes the place of one that passes. */
const TAKES_AWAY = '\r\u001b[2K';
const OBEYED = /(?![\n\t])\p{Cc}|\p{Cs}|\p{Cf}|[\u2028\u2029]/u;

it('shows no foreign text that a terminal obeys, hides or turns around, nor a line of it as one of ours, whatever the event', () => {
  fc.assert(
    fc.property(foreign, (parts) => {
      const text = same(`a${parts.join('')}\n✓ Deployed and proved`);
      for (const asJson of [false, true]) {
        const { screen: s, out, err, log } = screen({ json: asJson, interactive: true });
        s.progress(text);
        s.show({ event: 'info', text });
        s.show({ event: 'heading', text });
        s.show({ event: 'ok', text });
        s.show({ event: 'warning', text, fix: text });
        s.show({ event: 'error', text });
        s.show({ event: 'step', id: text.en, number: 1, of: 1, title: text });
        s.show({ event: 'step-end', id: text.en, outcome: 'failed', milliseconds: 1, evidence: text });
        s.show({ event: 'table', id: 't', rows: [[text, text]] });
        s.show({ event: 'list', id: 'l', columns: [text], rows: [[text]], items: [{ name: text.en }] });
        s.show({ event: 'result', exitCode: 0, verdict: text.en });
        const all = [...out, ...err, ...log].map((line) =>
          line.startsWith(TAKES_AWAY) ? line.slice(TAKES_AWAY.length) : line,
        );
        for (const line of all) expect(line).not.toMatch(OBEYED);
        expect(all.join('')).not.toContain('s3cret');
        expect(log.join('')).not.toMatch(/^✓ Deployed/m);
        if (!asJson) continue;
        for (const line of out) expect(line.indexOf('\n')).toBe(line.length - 1);
        const info = out
          .map((line) => JSON.parse(line) as { event: string; text: unknown })
          .find((e) => e.event === 'info');
        expect(info?.text).toEqual(same(text.en.replaceAll('s3cret', '[secret]')));
      }
    }),
    { numRuns: 60 },
  );
});

const asked = vi.hoisted(() => [] as string[]);
const answers = vi.hoisted(() => ({ shown: [] as string[] }));
vi.mock('../../../../lib/runs/terminal/prompts.ts', () => {
  const hear = async (message: string, ...more: unknown[]) => {
    const ends = more.at(-1) as AbortSignal;
    if (message === 'nobody?') await new Promise((end) => ends.addEventListener('abort', end));
    asked.push(message, ...(Array.isArray(more[0]) ? more[0].map((c: { name: string }) => c.name) : []));
    return undefined;
  };
  const yes = (message: string, shown: (answer: boolean) => string, ends: AbortSignal) => {
    answers.shown = [shown(true), shown(false)];
    return hear(message, ends);
  };
  return { phrase: hear, yes, choice: hear };
});

it.each([
  ['en', ['yes', 'no']],
  ['zh', ['是', '否']],
] as const)('shows an answer in the language of the question: %s', async (language, shown) => {
  await screen({ interactive: true, language }).screen.askYes(same('Go on?'));
  expect(answers.shown).toEqual(shown);
  asked.length = 0;
});

it('takes no answer within half an hour for none, and says so', async () => {
  vi.useFakeTimers();
  try {
    const { screen: s, log } = screen({ interactive: true });
    const answer = s.askYes(same('nobody?'));
    await vi.advanceTimersByTimeAsync(29 * 60_000);
    expect(log).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await answer).toBeUndefined();
    expect(log.join('')).toContain('Nobody answered within 30 min.');
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
    asked.length = 0;
  }
});

it('asks no question with such text either', async () => {
  const { screen: s } = screen({ interactive: true });
  const text = same('drop \x1b[2Jdb \u202es3cret?');
  await s.askPhrase(text);
  await s.askYes(text);
  await s.askChoice(text, [{ value: 'x', label: text }]);
  expect(asked).toEqual(Array(4).fill('drop \\x1b[2Jdb \\x202e[secret]?'));
});

it('makes text printable once, and JSON that means the same', () => {
  fc.assert(
    fc.property(foreign, (parts) => {
      const text = parts.join('');
      expect(printable(printable(text))).toBe(printable(text));
      expect(JSON.parse(json({ [text]: [text] }))).toEqual({ [text]: [text] });
    }),
  );
  expect(printable('鲸落 👩 naïve\n\ta')).toBe('鲸落 👩 naïve\n\ta');
});

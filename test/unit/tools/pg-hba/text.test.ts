import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutRemoteTrust } from '../../../../lib/tools/pg-hba/text.ts';

describe('examples', () => {
  const cases: [what: string, before: string, lines: number[], after: string][] = [
    ['the shell script’s line', 'host all all all trust\n', [1], 'host all all all scram-sha-256\n'],
    ['no newline at the end', 'host all all all trust', [1], 'host all all all scram-sha-256'],
    ['CRLF', 'host all all all trust\r\n', [1], 'host all all all scram-sha-256\r\n'],
    ['tabs and several blanks', 'host\tall \tall\tall\t  trust  \n', [1], 'host\tall \tall\tall\t  scram-sha-256  \n'],
    ['a mask', 'host all all 0.0.0.0 0.0.0.0 trust\n', [1], 'host all all 0.0.0.0 0.0.0.0 scram-sha-256\n'],
    ['quotes', '"host" "all" all "all" "trust"\n', [1], '"host" "all" all "all" scram-sha-256\n'],
    ['a comment right behind', 'host all all all trust#trust\n', [1], 'host all all all scram-sha-256#trust\n'],
    [
      'a database, user and host named trust',
      'host trust trust trust trust\n',
      [1],
      'host trust trust trust scram-sha-256\n',
    ],
    ['lists with blanks', 'host a, "b c" , d all x trust\n', [1], 'host a, "b c" , d all x scram-sha-256\n'],
    ['a quote within a quoted word', 'host "a""# b" all all trust\n', [1], 'host "a""# b" all all scram-sha-256\n'],
    [
      'options',
      'hostssl all all all trust clientcert=verify-ca\n',
      [1],
      'hostssl all all all scram-sha-256 clientcert=verify-ca\n',
    ],
    [
      'a continued rule',
      'host all all \\\n  all \\\n trust\nx\n',
      [1],
      'host all all \\\n  all \\\n scram-sha-256\nx\n',
    ],
    ['a continued word', 'host all all all tr\\\nust\n', [1], 'host all all all scram-sha-256\\\n\n'],
    ['a backslash that continues nothing', 'host all all all trust\n\\', [1], 'host all all all scram-sha-256\n\\'],
    [
      'only the lines asked for',
      'host all all ::1/128 trust\nhost all all all trust\n',
      [2],
      'host all all ::1/128 trust\nhost all all all scram-sha-256\n',
    ],
    ['a line asked for twice', 'host all all all trust\n', [1, 1], 'host all all all scram-sha-256\n'],
  ];
  it.each(cases)('%s', (_what, before, lines, after) => {
    expect(withoutRemoteTrust(before, lines, 'scram-sha-256')).toBe(after);
  });

  it.each([
    ['another method', 'host all all all md5\n', [1]],
    ['a comment', '# host all all all trust\n', [1]],
    ['the local rule', 'local all all trust\n', [1]],
    ['a line beyond the end', 'host all all all trust\n', [3]],
    ['several methods', 'host all all all trust,md5\n', [1]],
    ['a word with a quote in it', 'host all all all "tr""ust"\n', [1]],
    ['upper case, which is no method', 'host all all all TRUST\n', [1]],
  ])('refuses %s', (_what, text, lines) => {
    expect(() => withoutRemoteTrust(text, lines, 'md5')).toThrow('no rule with the method trust');
  });
});

describe('properties', () => {
  const blank = fc
    .array(fc.constantFrom(' ', '\t', '\r', ' \\\n', ' \\\r\n\t'), { minLength: 1, maxLength: 3 })
    .map((a) => a.join(''));
  const bare = fc.constantFrom('all', 'trust', 'whalefall_prod', '/^app', '+role', 'sameuser', '@file', 'md5');
  const quoted = fc
    .array(fc.constantFrom('a', ' ', '#', ',', '""', 'trust', '\xe9', '\\'), { minLength: 1, maxLength: 5 })
    .map((a) => `"${a.join('')}"`);
  const word = fc.oneof(bare, quoted);
  const list = fc
    .array(word, { minLength: 1, maxLength: 3 })
    .chain((words) => fc.constantFrom(',', ', ', ',\t,').map((comma) => words.join(comma)));
  const address = fc.oneof(
    fc.constantFrom('all', 'samenet', 'samehost', '0.0.0.0/0', '::/0', '.example.com', 'trust', '"10.0.0.0/8"'),
    blank.map((b) => `10.0.0.0${b}255.0.0.0`),
  );
  const tail = fc.oneof(
    fc.constant(''),
    fc
      .constantFrom('#', ' # trust', ' \\\n# host all all all trust', ' clientcert=1', '\t', ' #\\\nmore comment')
      .map((t) => t),
  );
  const lineEnd = fc.constantFrom('\n', '\r\n');
  const method = fc.constantFrom('trust', '"trust"', 'tru"st"', 't\\\nrust');
  const remote = fc.tuple(
    fc.constantFrom('host', 'hostssl', 'hostnossl', '"host"'),
    blank,
    list,
    blank,
    list,
    blank,
    address,
    blank,
    method,
    tail,
    lineEnd,
  );
  const other = fc.oneof(
    fc.constantFrom(
      '# a comment: host all all all trust',
      '',
      '   ',
      'local all all trust',
      'host all all 127.0.0.1/32 trust',
      'host all all ::1/128 trust',
      'host all all all md5',
      'include "x.conf"',
      '# \xc4\xe3\xba\xc3',
    ),
  );
  type Line = { text: string; expected: string; remote: boolean };
  const line: fc.Arbitrary<Line> = fc.oneof(
    remote.map((parts) => {
      const wanted = [...parts];
      // A word that goes on in the next line leaves its line break behind.
      wanted[8] = `scram-sha-256${(parts[8].match(/\\\n/g) ?? []).join('')}`;
      return { text: parts.join(''), expected: wanted.join(''), remote: true };
    }),
    fc.tuple(other, lineEnd).map(([text, end]) => ({ text: text + end, expected: text + end, remote: false })),
  );

  it('changes exactly the methods of the rules asked for', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        let number = 1;
        const asked: number[] = [];
        for (const l of lines) {
          if (l.remote) asked.push(number);
          number += l.text.split('\n').length - 1;
        }
        const before = lines.map((l) => l.text).join('');
        const after = withoutRemoteTrust(before, asked, 'scram-sha-256');
        expect(after).toBe(lines.map((l) => l.expected).join(''));
        // Done again there is nothing to do: no rule asked for is still trust.
        for (const n of asked) expect(() => withoutRemoteTrust(after, [n], 'scram-sha-256')).toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it('never throws anything but its refusal, never hangs, and never adds a trust, whatever the bytes', () => {
    const bytes = fc.array(
      fc.constantFrom('host', ' ', 'all', 'trust', '"', ',', '#', '\\', '\n', '\r', '\t', '\xff', '\0'),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 5 }), (parts, n) => {
        const before = parts.join('');
        const trusts = (text: string) => text.split('trust').length;
        try {
          const after = withoutRemoteTrust(before, [n], 'md5');
          expect(trusts(after)).toBeLessThanOrEqual(trusts(before));
          expect(after.split('\n')).toHaveLength(before.split('\n').length);
        } catch (error) {
          expect(String(error)).toContain('no rule with the method trust');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

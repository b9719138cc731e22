// biome-ignore-all lint/suspicious/noTemplateCurlyInString: lines of .env files
import { parse } from 'dotenv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSES } from '../../../../lib/domain/env/causes.ts';
import { readEnvText } from '../../../../lib/domain/env/file.ts';
import { bashModel, composeModel } from './readers.models.ts';
import { PREAMBLE, READINGS } from './readers.table.ts';

const errors = (text: string) => readEnvText(text).findings.filter((f) => f.severity === 'error');
const one = (line: string) => errors(`${PREAMBLE}${line}\n`).map((f) => [f.variable, f.line, f.cause.en]);

describe('what was measured', () => {
  const accepted = READINGS.filter(([lines]) => errors(`${PREAMBLE}${lines}\n`).length === 0);

  it.each(accepted)('%j is read by all as this library reads it', (lines, interpolated, envFile, _dotenv, bash) => {
    const value = readEnvText(`${PREAMBLE}${lines}\n`).values['A'];
    expect([interpolated, envFile, bash]).toEqual([value, value, value]);
  });

  it('only these are refused although all readers happen to agree', () => {
    const strict = READINGS.filter(([lines, interpolated, envFile, dotenv, bash]) => {
      const agree = interpolated !== null && interpolated === envFile && envFile === bash && dotenv === bash;
      return agree && errors(`${PREAMBLE}${lines}\n`).length > 0;
    });
    expect(strict.map(([lines]) => lines)).toEqual([
      'A=$',
      'A=x$',
      'A="x\ny"',
      "A='x\ny'",
      'A=x\nA=y',
      'A=x\nB=${A}\nA=y',
      'A=pw$',
      'A="pw$"',
      "A='p\\w'",
      "A='\\pw'",
      'A="p\\w"',
      'A="\\pw"',
      'A=~pw',
      'A=p\u00a0w',
      'A=p\u3000w',
      'A=p\u2028w',
      "A='p\u2028w'",
      "A='\u2028pw'",
      "A='pw\u2028'",
      'A="p\u2028w"',
      'A="\u2028pw"',
      'A="pw\u2028"',
      'A=p\ufeffw',
      ...['A=p\u0001w', 'A=\u0001pw', 'A=pw\u0001', "A='p\u0001w'", "A='\u0001pw'", "A='pw\u0001'"],
      ...['A="p\u0001w"', 'A="\u0001pw"', 'A="pw\u0001"'],
    ]);
  });

  it.each([
    ['compose', composeModel, 1],
    ['bash', bashModel, 4],
  ] as const)('the model of %s says nothing else', (_, model, column) => {
    const known = READINGS.filter(([lines]) => model(`${PREAMBLE}${lines}\n`) !== undefined);
    expect(known.map((r) => [r[0], model(`${PREAMBLE}${r[0]}\n`)?.get('A') ?? null])).toEqual(
      known.map((r) => [r[0], r[column]]),
    );
    expect(known.length).toBeGreaterThan(READINGS.length / 3);
  });
});

describe('generated files', () => {
  const char = fc.constantFrom(...'ab9 $#\'"`\\;&|<>()~!*?[]{}=+,^/-%@:.\t鲸é\u00a0\u3000\u2028\ufeff\u0001'.split(''));
  const part = fc.oneof(
    char,
    char,
    fc.constantFrom('${V0}', '${V1}', '${W}', '$V0', '$$', '$(id)', '${V0:-d}', ' #', 'word'),
  );
  const body = fc.array(part, { maxLength: 8 }).map((p) => p.join(''));
  const value = fc.oneof(
    body,
    body.map((b) => `'${b}'`),
    body.map((b) => `"${b}"`),
    body.map((b) => `'${b}' # it's`),
  );
  const line = fc.record({ before: fc.constantFrom('', '', '', ' ', 'export ', '# '), value });
  const file = fc
    .array(line, { minLength: 1, maxLength: 4 })
    .map((lines) => lines.map((l, i) => `${l.before}V${i}=${l.value}\n`).join(''));

  it('have the accepted values for compose, bash and dotenv alike', () => {
    let accepted = 0;
    fc.assert(
      fc.property(file, (text) => {
        const read = readEnvText(text);
        if (read.findings.some((f) => f.severity === 'error')) return;
        accepted += Object.keys(read.values).length;
        expect(Object.fromEntries(composeModel(text) ?? [['none', '']])).toEqual(read.values);
        expect(Object.fromEntries(bashModel(text) ?? [['none', '']])).toEqual(read.values);
        expect(Object.keys(parse(text))).toEqual(Object.keys(read.values));
      }),
      { numRuns: 20_000, seed: 20260102 },
    );
    expect(accepted).toBeGreaterThan(2_000);
  });

  it('never have a part of a value in a finding', () => {
    const secret = fc
      .constantFrom('Kq7', 'zW4')
      .chain((a) => fc.tuple(fc.constant(a), part, part).map((p) => p.join('')));
    const forms = (s: string) => [
      `A=${s}`,
      `A='${s}'`,
      `A="${s}"`,
      `A = ${s}`,
      `A: ${s}`,
      `A='${s}\n${s}==\n`,
      s,
      `${s}==`,
    ];
    fc.assert(
      fc.property(secret, fc.nat(7), (s, form) => {
        const { findings } = readEnvText(`B=x\n?\n${forms(s)[form]}\n`);
        expect(JSON.stringify(findings)).not.toMatch(/Kq7|zW4/);
      }),
      { numRuns: 3_000, seed: 1 },
    );
  });
});

it.each([
  ['A=p#w', CAUSES.hash],
  ['A= # c', CAUSES.hash],
  ['A=p$w', CAUSES.dollar],
  ['A=$$', CAUSES.dollar],
  ['A="p$w"', CAUSES.dollar],
  ['A=$(id)', CAUSES.executes],
  ['A="$(id)"', CAUSES.executes],
  ['A=`id`', CAUSES.executes],
  ['A="`id`"', CAUSES.executes],
  ['A=${B:-d}', CAUSES.defaultForm],
  ['A=${N}', CAUSES.undefinedReference],
  ['A=${A}', CAUSES.undefinedReference],
  ['A=a b', CAUSES.space],
  ['A= x', CAUSES.space],
  ['A=x\u3000', CAUSES.space],
  ['A=a;b', CAUSES.shellCharacter],
  ['A=a&b', CAUSES.shellCharacter],
  ['A=a|b', CAUSES.shellCharacter],
  ['A=a<b', CAUSES.shellCharacter],
  ['A=a>b', CAUSES.shellCharacter],
  ['A=(x)', CAUSES.shellCharacter],
  ["A=it's", CAUSES.quoteInside],
  ["A='x'y", CAUSES.quoteInside],
  ['A="x"y"', CAUSES.quoteInside],
  ['A=a\\b', CAUSES.backslash],
  ["A='a\\b'", CAUSES.backslash],
  ['A="a\\"b"', CAUSES.backslash],
  ['A=~/x', CAUSES.tilde],
  ['A=x:~', CAUSES.tilde],
  ["A='x", CAUSES.openQuote],
  ["A='x\ny'", CAUSES.openQuote],
  ['A=x\u0007', CAUSES.control],
  ['A = x', CAUSES.spaced],
  ['A: x', CAUSES.spaced],
])('%j: the finding names variable, line and cause', (line, cause) => {
  expect(one(line)).toEqual([['A', 4, cause.en]]);
});

it('names the line for a statement without a variable', () => {
  for (const line of ['A', '1A=x', 'A-B=x', 'A+=x', 'if true', '"A"=x']) {
    expect(one(line)).toEqual([['', 4, CAUSES.notAssignment.en]]);
  }
});

it('refuses names that the shell keeps for itself', () => {
  for (const name of ['UID', 'PATH', 'IFS', 'BASH_ENV', 'LD_PRELOAD', 'RANDOM']) {
    expect(one(`${name}=x`)).toEqual([[name, 4, CAUSES.reserved.en]]);
  }
  expect(one('UIDX=x')).toEqual([]);
});

it('points at both lines of a variable that is defined twice, and trusts neither it nor what refers to it', () => {
  const read = readEnvText('A=1\nC=${A}\nA=2\n');
  expect(read.findings).toMatchObject([{ variable: 'A', line: 3, cause: { en: expect.stringContaining('line 1') } }]);
  expect(read.values).toEqual({});
  expect([...read.undecided].sort()).toEqual(['A', 'C']);
});

it('says where a variable is defined that is used too early', () => {
  expect(errors('A=${C}\nC=1\n')).toMatchObject([
    { variable: 'A', line: 1, cause: { en: expect.stringMatching(/\$\{C\}.*line 2/) } },
  ]);
});

it('reports CRLF once, for the file, and goes on with the other problems', () => {
  const read = readEnvText('A=x\r\nB=p#w\r\nC="y z"\r\n');
  expect(read.findings.map((f) => [f.variable, f.line, f.cause])).toEqual([
    ['', 1, CAUSES.crlf],
    ['B', 2, CAUSES.hash],
  ]);
  expect(read.values).toEqual({ A: 'x', C: 'y z' });
});

it('reports a byte order mark and reads on behind it', () => {
  const read = readEnvText('\ufeffA=x\nB=y\n');
  expect(read.findings.map((f) => f.cause)).toEqual([CAUSES.bom]);
  expect(read.values).toEqual({ A: 'x', B: 'y' });
});

it('reports a comment in which dotenv would begin a new line', () => {
  for (const comment of ['# \u2028A=y', '# \rA=y']) {
    expect(errors(`A=x\n${comment}\n`).map((f) => [f.line, f.cause])).toContainEqual([2, CAUSES.control]);
  }
});

it('takes the lines of a broken value for neither variables nor values', () => {
  const read = readEnvText("A='line\nc2VjcmV0==\nend'\nB=1\n");
  expect(read.findings.map((f) => [f.variable, f.line])).toEqual([['A', 1]]);
  expect(read.values).toEqual({ B: '1' });
  expect([...read.undecided]).toEqual(['A']);
});

it('does not call variables missing that an open quote swallows', () => {
  expect([...readEnvText("A='x\nB='y'\n").undecided]).toEqual(['A', 'B']);
  expect(readEnvText("A='x\nB=y\n").values).toEqual({ B: 'y' });
});

it('only warns about `export`', () => {
  const read = readEnvText('export A=x\n');
  expect(read.findings).toMatchObject([{ variable: 'A', severity: 'warning' }]);
  expect(read.values).toEqual({ A: 'x' });
});

it('knows no variable that JavaScript objects have by themselves', () => {
  expect(readEnvText('A=${constructor}\n').findings.map((f) => f.cause)).toEqual([CAUSES.undefinedReference]);
  expect(readEnvText('__proto__=x\n').findings.map((f) => f.cause)).toEqual([CAUSES.dotenv]);
});

describe('a secret with a special character', () => {
  const good = (value: string) => readEnvText(`S=${value}\n`).values['S'];
  it.each(['$', '#', '"', ' ', '%', '@', ':', '鲸', '`', ';', '&', '!', '~'])('%s is safe in single quotes', (c) => {
    expect(good(`'p${c}w'`)).toBe(`p${c}w`);
  });
  it.each(['#', "'", ' ', '%', '@', ':', '鲸', ';'])('%s is safe in double quotes', (c) => {
    expect(good(`"p${c}w"`)).toBe(`p${c}w`);
  });
  it.each(['%', '@', ':', '鲸'])('%s needs no quotes', (c) => {
    expect(good(`p${c}w`)).toBe(`p${c}w`);
  });
  it.each([`p$w`, 'p#w', "p'w", 'p"w', 'p w', "'p'w'", '"p$w"', '"p"w"'])('%s is refused as it stands', (value) => {
    expect(good(value)).toBeUndefined();
    expect(errors(`S=${value}\n`)).toHaveLength(1);
  });
});

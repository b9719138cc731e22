import { expect, it } from 'vitest';
import { recordsOf, rowsOf } from '../../../lib/adhoc/rows.ts';
import { Secret } from '../../../lib/adhoc/secret.ts';
import { Sql, type SqlValue } from '../../../lib/adhoc/sql.ts';

const raw = (pieces: TemplateStringsArray, ...values: SqlValue[]) => Sql.of(pieces, values);
const sql = (pieces: TemplateStringsArray, ...values: SqlValue[]) => raw(pieces, ...values).text.replace(/\s+/g, ' ');

it('makes one literal of each value, whatever it contains', () => {
  expect(sql`SELECT ${"it's"}, ${'a\\b'}, ${1.5}, ${-1}, ${2n}, ${true}, ${null}`).toBe(
    "SELECT 'it''s' , E'a\\\\b' , (1.5) , (-1) , (2) , true , NULL ",
  );
  expect(sql`WHERE name = ANY(${['a"b', "c'd", null, 1]})`).toBe(`WHERE name = ANY( E'{"a\\\\"b","c''d",NULL,"1"}' )`);
  expect(sql`since ${new Date('2026-01-02T03:04:05Z')}`).toBe("since '2026-01-02T03:04:05.000Z'::timestamptz ");
});

it('does not let a value touch the text beside it', () => {
  expect(sql`x-${-1}`).toBe('x- (-1) ');
  expect(sql`E${"\\'"}`).toMatch(/^E E'/);
});

it('takes parts of a query and names', () => {
  const where = raw`age > ${7}`;
  expect(sql`SELECT ${Sql.name('my"table', 'id')} FROM t WHERE ${where}`).toBe(
    'SELECT "my""table"."id" FROM t WHERE age > (7) ',
  );
});

it.each([
  ['quotes', () => sql`SELECT '${'x'}'`],
  ['a half-open text', () => sql`SELECT 'it''s ${'x'}`],
  ['an escape text', () => sql`SELECT E'a\\'${'x'}'`],
  ['an escape text that a quote seems to end', () => sql`SELECT E'a\\'${'; DROP TABLE x --'}`],
  ['a comment in a comment', () => sql`/* /* */ ${'x'} */`],
  ['a name', () => sql`SELECT "${'x'}"`],
  ['dollar quotes', () => sql`SELECT $t$ ${'x'} $t$`],
  ['a comment', () => sql`SELECT 1 -- ${'x'}`],
  ['a long comment', () => sql`SELECT 1 /* ${'x'} */`],
])('refuses a value inside %s: there it could end them', (_, make) => {
  expect(make).toThrow(expect.objectContaining({ kind: 'usage', message: expect.stringContaining('inside quotes') }));
});

it('accepts a value behind what is closed', () => {
  expect(sql`SELECT 'a', "b", $t$ ' $t$, E'\\'' /* ' */ -- "
    , ${1}`).toContain('(1)');
});

it.each([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['an object', {}],
  ['a secret', new Secret('x')],
])('refuses %s', (_, value) => {
  expect(() => sql`SELECT ${value as SqlValue}`).toThrow(/no literal/);
});

it('gives rows with their columns in order and in their types', () => {
  const columns = [
    ['b', 'bigint'],
    ['a', 'integer'],
    ['a', 'boolean'],
    ['n', 'numeric(10,2)'],
    ['j', 'jsonb'],
    ['t', 'text'],
  ].map(([name = '', type = '']) => ({ name, type }));
  const rows = rowsOf(columns, '9007199254740993,7,t,1.50,"{""x"": 1}","a,\n""b"""\nNONE,NONE,f,NONE,null,\n', 'NONE');
  expect(rows.columns).toEqual(['b', 'a', 'a_2', 'n', 'j', 't']);
  expect([...rows]).toEqual([
    { b: '9007199254740993', a: 7, a_2: true, n: '1.50', j: { x: 1 }, t: 'a,\n"b"' },
    { b: null, a: null, a_2: false, n: null, j: null, t: '' },
  ]);
});

it('reads CSV without a record as none', () => expect(recordsOf('')).toEqual([]));

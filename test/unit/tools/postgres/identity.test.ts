import { describe, expect, it } from 'vitest';
import { targetFor } from '../../../../lib/core/target.ts';
import { mountedUserdata } from '../../../../lib/domain/app/userdata.ts';
import { dataDirectoryOf, type Mount, placeOf, placeText } from '../../../../lib/tools/docker/places.ts';
import { type DataIdentity, differences } from '../../../../lib/tools/postgres/identity.ts';
import { identity } from '../../../support/facts.ts';

const said = (now: Partial<DataIdentity>, since = { untouched: true }) =>
  differences(identity, { ...identity, ...now }, since).map((t) => t.en);

describe('data is the same', () => {
  it('when more was written, and databases, tables and rows have come', () => {
    const databases = [...identity.databases, { name: 'new', oid: 17_000, bytes: 1 }];
    const tables = [...identity.tables.map((t) => ({ ...t, hasRows: true })), { name: 'public.new', hasRows: false }];
    expect(said({ written: '127354864', databases, tables })).toEqual([]);
  });

  it('when a table is locked, so that nobody can tell', () => {
    expect(said({ tables: identity.tables.map((t) => ({ ...t, hasRows: null })) })).toEqual([]);
  });

  it('when the application emptied a table meanwhile, unless nothing but reading can have happened', () => {
    const tables = identity.tables.map((t) => ({ ...t, hasRows: false }));
    expect(said({ tables }, { untouched: false })).toEqual([]);
    expect(said({ tables })).toEqual(['table public.notes has no rows any more']);
  });
});

describe('data is not the same', () => {
  it.each([
    ['of another cluster', { systemIdentifier: '1' }, /another cluster \(system identifier 1 /],
    // By number, not by text.
    ['of an older copy', { written: '9999999' }, /older state/],
    ['without a database', { databases: identity.databases.slice(0, 1) }, /database shop is not there/],
    ['with another database of that name', { databases: [{ name: 'shop', oid: 1, bytes: 1 }] }, /shop is another one/],
    ['without a table', { tables: [] }, /table public\.notes is not there/],
  ] as const)('%s', (_what, now, says) => expect(said(now).join('\n')).toMatch(says));

  it('but a database may have been swapped on purpose', () => {
    const databases = [identity.databases[0], { name: 'shop', oid: 1, bytes: 1 }].filter((d) => d !== undefined);
    expect(differences(identity, { ...identity, databases }, { untouched: false, renamed: ['shop'] })).toEqual([]);
  });
});

describe('a place', () => {
  const mounts: Mount[] = [
    { kind: 'volume', source: 'pg', target: '/var/lib/postgresql' },
    { kind: 'own', source: '', target: '/var/lib/postgresql/data' },
    { kind: 'bind', source: '/srv/x', target: '/srv' },
  ];

  it.each([
    ['/var/lib/postgresql/18/docker', '18/docker in volume pg'],
    ['/var/lib/postgresql/', 'volume pg'],
    // The image's own volume hides the one above it.
    ['/var/lib/postgresql/data/pgdata', "the container's own /var/lib/postgresql/data/pgdata"],
    ['/srv/a', "the host's directory /srv/x/a"],
    ['/srvice', "the container's own /srvice"],
  ])('of %s is %s', (directory, text) => expect(placeText(placeOf(mounts, directory)).en).toBe(text));

  it('of a server is what its command, PGDATA or working directory says', () => {
    const told = { command: ['redis-server', '--dir', '/d'], pgdata: '/p', workingDir: '/w' };
    expect(dataDirectoryOf(told)).toBe('/d');
    expect(dataDirectoryOf({ ...told, command: [] })).toBe('/p');
    expect(dataDirectoryOf({ ...told, command: [], pgdata: undefined })).toBe('/w');
  });
});

it.each([
  ['nothing', [], []],
  ['a volume above', [{ kind: 'volume', source: 'v', target: '/app' }], ['/app/userdata']],
  ['all of it', [{ kind: 'bind', source: '/v', target: '/app/userdata/' }], ['/app/userdata']],
  ['a part', [{ kind: 'volume', source: 'v', target: '/app/userdata/uploads' }], ['/app/userdata/uploads']],
  ['a volume without a name', [{ kind: 'own', source: '', target: '/app/userdata' }], []],
] as const)('knows what of userdata is mounted: %s', (_what, mounts, mounted) =>
  expect(mountedUserdata(targetFor('/srv/shop'), mounts)).toEqual(mounted),
);

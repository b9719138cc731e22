import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type HbaRule, inspectHba, proveHba, type RemoteAccess, restoreHba } from '../../../../lib/tools/pg-hba/hba.ts';
import { isRemoteTrust } from '../../../../lib/tools/pg-hba/rules.ts';
import type { Database } from '../../../../lib/tools/postgres/psql.ts';
import { testOps } from '../../../support/ops.ts';
import type { Call, Reply } from '../../../support/scripted-spawn.ts';

const db = {
  container: { id: 'dbid', name: 'db', addresses: { net: '172.18.0.2' } },
  user: 'app_user',
  name: 'appdb',
} as unknown as Database;
const outside: RemoteAccess = { address: { host: '127.0.0.1', port: 15432 }, clientContainer: 'appid' };
const FILE = '/data/pg_hba.conf';
const HEAD = 'local all all trust\nhost all all 127.0.0.1/32 trust\n# \xb9\xdc\n';
const OPEN = `${HEAD}host all all all trust\n`;
const CLOSED = `${HEAD}host all all all scram-sha-256\n`;

/** A server's pg_hba.conf, what of it is in force, and its sessions. */
class Server {
  /** What goes wrong. */
  faults: Partial<Record<'reload' | 'stuck' | 'misread' | 'unreadable' | 'rules' | 'query' | 'sessions', boolean>> & {
    replace?: Reply;
    login?: Reply;
  } = {};
  inForce: string;
  sessions: number[] = [];
  md5 = 0;
  /** Everything that was ever put in the file's place. */
  readonly put: string[] = [];
  readonly log: string[] = [];
  #loaded = 1;

  constructor(
    public file: string,
    inForce = file,
  ) {
    this.inForce = inForce;
  }

  methodFor(text: string): string {
    return /^host all all all (\S+)/m.exec(text)?.[1] ?? 'reject';
  }

  rules() {
    return this.file
      .split('\n')
      .map((line, i) => ({ words: line.split(' '), line_number: i + 1 }))
      .filter(({ words }) => words[0] !== '' && words[0] !== '#')
      .map(({ words, line_number }) => ({
        line_number,
        type: words[0],
        database: [words[1]],
        user_name: [words[2]],
        address: words[0] === 'local' ? null : words[3]?.replace('/32', ''),
        netmask: words[3]?.endsWith('/32') ? '255.255.255.255' : null,
        auth_method: words[0] === 'nonsense' ? null : words.at(-1),
        error: words[0] === 'nonsense' ? 'invalid connection type "nonsense"' : null,
      }));
  }

  respond = (call: Call): Reply | undefined => {
    const { argv, input } = call;
    if (argv.includes('login')) {
      this.log.push('login');
      if (this.faults.login) return this.faults.login;
      if (this.methodFor(this.inForce) === 'trust') return { stdout: '1\n' };
      return { exitCode: 2, stderr: 'password retrieved from file "x"' };
    }
    if (argv.includes('stat')) return { stdout: '70:70\n' };
    if (argv.includes('test')) return { exitCode: this.faults.unreadable ? 1 : 0 };
    if (argv.includes('base64')) return { stdout: `${Buffer.from(this.file, 'latin1').toString('base64')}\n` };
    if (argv.includes('chown')) {
      this.log.push('chown');
      this.faults.unreadable = false;
      return {};
    }
    if (argv.includes('replace')) {
      this.log.push('replace');
      if (this.faults.replace) return this.faults.replace;
      const sum = createHash('sha256').update(Buffer.from(this.file, 'latin1')).digest('hex');
      expect(argv.at(-2)).toBe(sum);
      this.file = Buffer.from(input, 'base64').toString('latin1');
      if (this.faults.misread) this.file = this.file.replace('local all', 'local x');
      this.put.push(this.file);
      return {};
    }
    if (this.faults.query) return { exitCode: 2, stderr: 'server closed the connection' };
    if (input.includes('pg_reload_conf')) {
      this.log.push('reload');
      if (!this.faults.reload) {
        this.#loaded += 1;
        if (!this.faults.stuck) this.inForce = this.file;
      }
      return { stdout: 't\n' };
    }
    if (input.includes('pg_terminate_backend')) {
      this.log.push('terminate');
      if (!this.faults.sessions) this.sessions = [];
      return { stdout: 't\n' };
    }
    if (input.includes('pg_hba_file_rules')) {
      if (this.faults.rules) return { exitCode: 3, stderr: 'ERROR:  out of memory' };
      if (this.faults.unreadable) return { exitCode: 3, stderr: 'FEHLER:  keine Berechtigung' };
      return row({ file: FILE, data: '/data', rules: this.rules() });
    }
    if (input.includes("'hba_file'")) return row({ file: FILE, data: '/data' });
    if (input.includes('pg_authid')) return row({ md5: this.md5 });
    if (input.includes('backend_start >=')) {
      return row({ since: 'T2', inForce: input.includes(`'loaded-1'`) && this.#loaded === 2 });
    }
    if (input.includes('pg_conf_load_time')) return row(`loaded-${this.#loaded}`);
    if (input.includes('SELECT pid')) return { stdout: this.sessions.map((p) => `${p}\n`).join('') };
    return undefined;
  };

  /** The wire: what `inForce` asks of a stranger. */
  connect = (): Socket => {
    const socket = Object.assign(new EventEmitter(), {
      writable: true,
      write: () => {
        const method = this.methodFor(this.inForce);
        const body = method === 'trust' ? auth(0) : method === 'md5' ? auth(5) : auth(10, 'SCRAM-SHA-256\0\0');
        setImmediate(() => socket.emit('data', body));
        return true;
      },
      end: () => undefined,
      destroySoon: () => undefined,
    });
    setImmediate(() => socket.emit('connect'));
    return socket as unknown as Socket;
  };
}

const row = (value: unknown): Reply => ({ stdout: `${JSON.stringify(value)}\n` });

function auth(code: number, rest = ''): Buffer {
  const bytes = Buffer.from(`R........${rest}`);
  bytes.writeInt32BE(8 + rest.length, 1);
  bytes.writeInt32BE(code, 5);
  return bytes;
}

function opsFor(server: Server) {
  return testOps(server.respond, { net: { connect: server.connect } as never });
}

const alarm = (words: RegExp) => ({ kind: 'needs-person', exitCode: 6, what: { en: expect.stringMatching(words) } });
const IS_OPEN = /^DATABASE IS OPEN WITHOUT PASSWORD/;
const NOT_PROVED = /^DATABASE COULD NOT BE PROVED SAFE/;

describe('isRemoteTrust', () => {
  const rule = (address: string | undefined, netmask?: string, type = 'host', method = 'trust') => ({
    type,
    address,
    netmask,
    method,
  });
  const ones = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  it.each([
    [rule(undefined, undefined, 'local'), false],
    [rule('127.0.0.1', '255.255.255.255'), false],
    [rule('127.0.0.0', '255.0.0.0'), false],
    [rule('::1', ones), false],
    [rule('all', undefined, 'host', 'scram-sha-256'), false],
    [rule('all'), true],
    [rule('all', undefined, 'hostssl'), true],
    [rule('samehost'), true],
    [rule('samenet'), true],
    [rule('localhost'), true],
    [rule('127.0.0.1.example.com'), true],
    [rule('127.0.0.1', '0.0.0.0'), true],
    [rule('127.0.0.1', '254.0.0.0'), true],
    [rule('::1', '::'), true],
    [rule('::', ones), true],
    [rule('0.0.0.0', '0.0.0.0'), true],
    [rule('172.18.0.2', '255.255.255.255'), true],
    [rule(undefined), true],
  ])('%o: %s', (r, expected) => expect(isRemoteTrust(r)).toBe(expected));
});

describe('inspectHba', () => {
  it('asks the server once', async () => {
    const ops = opsFor(new Server(OPEN));
    const hba = await inspectHba(ops, db);
    expect(hba.remoteTrust).toEqual([
      {
        file: FILE,
        line: 4,
        type: 'host',
        database: ['all'],
        user: ['all'],
        address: 'all',
        netmask: undefined,
        method: 'trust',
      },
    ] satisfies HbaRule[]);
    expect(ops.scripted.calls).toHaveLength(1);
  });

  it('fails when the server fails, and only then takes the file for unreadable when it is', async () => {
    const server = new Server(OPEN);
    server.faults.query = true;
    await expect(inspectHba(opsFor(server), db)).rejects.toMatchObject({ kind: 'command' });
    const confused = new Server(OPEN);
    confused.faults.rules = true;
    await expect(inspectHba(opsFor(confused), db)).rejects.toMatchObject({ kind: 'command' });
    const other = new Server(OPEN);
    other.faults.unreadable = true;
    expect(await inspectHba(opsFor(other), db)).toMatchObject({ unreadable: true, rules: [] });
  });
});

describe('restoreHba', () => {
  it('changes nothing where nothing is wrong, and proves it', async () => {
    const server = new Server(CLOSED);
    const ops = opsFor(server);
    expect(await restoreHba(ops, db, outside)).toMatchObject({ asked: 'scram', done: 'nothing', endedSessions: 0 });
    expect(ops.written).toEqual([]);
    expect(server.log).toEqual(['login']);
    const login = ops.scripted.calls.find((c) => c.argv.includes('login'));
    expect(login?.argv.slice(-5)).toEqual(['login', '172.18.0.2', '5432', 'app_user', 'appdb']);
    expect(login?.argv).toContain('appid');
  });

  it('rewrites, reloads, ends sessions and proves, in this order', async () => {
    const server = new Server(OPEN);
    server.sessions = [11, 12];
    const ops = opsFor(server);
    const proof = await restoreHba(ops, db, outside);
    expect(proof).toMatchObject({
      asked: 'scram',
      done: 'rewritten',
      method: 'scram-sha-256',
      endedSessions: 2,
      inForceSince: 'T2',
      copies: ['/data/pg_hba.conf.before-20260102T030405Z'],
      evidence: { en: expect.stringContaining('2 sessions ended') },
    });
    expect(server.log).toEqual(['replace', 'reload', 'terminate', 'login']);
    expect(server.put).toEqual([CLOSED]);
    const replace = ops.scripted.calls.find((c) => c.argv.includes('replace'));
    expect(replace?.argv.slice(0, 8)).toEqual(['docker', 'exec', '-i', '-u', '70:70', 'dbid', 'sh', '-c']);
    expect(replace?.argv.slice(9, 12)).toEqual(['replace', FILE, '/data/pg_hba.conf.before-20260102T030405Z']);
  });

  it('gives md5 as soon as one stored password is md5', async () => {
    const server = new Server(OPEN);
    server.md5 = 1;
    expect(await restoreHba(opsFor(server), db, outside)).toMatchObject({ asked: 'md5', method: 'md5' });
  });

  it('reloads where the file is right but not in force', async () => {
    const server = new Server(CLOSED, OPEN);
    server.sessions = [7];
    expect(await restoreHba(opsFor(server), db, outside)).toMatchObject({
      done: 'reloaded',
      endedSessions: 1,
      copies: [],
    });
    expect(server.put).toEqual([]);
  });

  it('gives an unreadable file back to the server first', async () => {
    const server = new Server(OPEN);
    server.faults.unreadable = true;
    const ops = opsFor(server);
    expect(await restoreHba(ops, db, outside)).toMatchObject({ done: 'rewritten' });
    expect(server.log.slice(0, 2)).toEqual(['chown', 'replace']);
    const chown = ops.scripted.calls.find((c) => c.argv.includes('chown'));
    expect(chown?.argv.slice(-3)).toEqual(['chown', '70:70', FILE]);
  });

  it.each([
    ['is not in force in time', { reload: true }, OPEN, OPEN, IS_OPEN, 'not in force'],
    ['is not in force in time for other strangers', { reload: true }, OPEN, CLOSED, NOT_PROVED, 'not in force'],
    ['is open although it reloaded', { stuck: true }, OPEN, OPEN, IS_OPEN, 'lets in without asking'],
    ['is read in another way than expected', { misread: true }, OPEN, OPEN, IS_OPEN, 'does not read it as expected'],
    ['was changed by somebody else', { replace: { exitCode: 75 } }, OPEN, OPEN, IS_OPEN, 'somebody else'],
    ['is mounted by itself', { replace: { exitCode: 76 } }, OPEN, OPEN, IS_OPEN, 'mounted'],
    ['is mounted by itself, but not in force', { replace: { exitCode: 76 } }, OPEN, CLOSED, NOT_PROVED, 'mounted'],
    ['cannot be replaced', { replace: { exitCode: 1, stderr: 'No space left' } }, OPEN, OPEN, IS_OPEN, 'No space left'],
    ['lets a wrong password in', { login: { stdout: '1\n' } }, CLOSED, CLOSED, IS_OPEN, 'wrong password succeeded'],
    ['cannot be tried', { login: { exitCode: 127 } }, CLOSED, CLOSED, NOT_PROVED, 'could not be tried'],
    ['keeps sessions that came in', { sessions: true }, OPEN, OPEN, NOT_PROVED, 'pid 5'],
    ['cannot be asked', { query: true }, OPEN, OPEN, IS_OPEN, 'closed the connection'],
    ['cannot be asked, and asks for passwords', { query: true }, CLOSED, CLOSED, NOT_PROVED, 'closed the connection'],
    [
      'was unreadable and does not reload',
      { unreadable: true, reload: true },
      CLOSED,
      CLOSED,
      NOT_PROVED,
      'not in force',
    ],
  ])('shouts when the file or server %s', async (_what, faults, file, inForce, words, why) => {
    const server = new Server(file, inForce);
    server.faults = faults;
    server.sessions = [5];
    const error = await restoreHba(opsFor(server), db, outside).catch((e: unknown) => e);
    expect(error).toMatchObject(alarm(words));
    expect((error as Error).message).toContain(why);
    // Exact commands, and none that opens anything.
    const next = (error as { next: { en: string }[] }).next.map((n) => n.en).join('\n');
    expect(next).toContain('docker exec db psql -X -U app_user -d appdb -c ');
    expect(next).not.toMatch(/s\/.*\/trust/);
    // Whatever happens, nobody puts the open file back.
    for (const text of server.put) expect(text).not.toContain('all all all trust');
  });

  it('names the lines of a broken file, and shouts only if the server is open', async () => {
    const closed = new Server(`${CLOSED}nonsense\n`);
    await expect(restoreHba(opsFor(closed), db, outside)).rejects.toMatchObject({
      kind: 'precondition',
      what: { en: expect.stringContaining(`${FILE}:5: invalid connection type`) },
    });
    const open = new Server(`${OPEN}nonsense\n`);
    await expect(restoreHba(opsFor(open), db, outside)).rejects.toMatchObject(alarm(IS_OPEN));
    const behind = new Server(`${CLOSED}nonsense\n`, OPEN);
    await expect(restoreHba(opsFor(behind), db, outside)).rejects.toMatchObject(alarm(IS_OPEN));
    expect([...closed.put, ...open.put, ...behind.put]).toEqual([]);
  });

  it('is stopped by a Ctrl-C as by a Ctrl-C', async () => {
    const stop = new AbortController();
    const server = new Server(OPEN);
    const ops = testOps(
      (call) => {
        if (call.argv.includes('replace')) stop.abort(new Error('stopped'));
        return server.respond(call);
      },
      { net: { connect: server.connect } as never, signal: stop.signal },
    );
    await expect(restoreHba(ops, db, outside)).rejects.toThrow('stopped');
  });
});

describe('proveHba', () => {
  it.each([
    ['an open server behind a closed file', new Server(CLOSED, OPEN), IS_OPEN],
    ['a closed server with an open file: the next reload opens it', new Server(OPEN, CLOSED), NOT_PROVED],
    ['a broken file', new Server(`${CLOSED}nonsense\n`, CLOSED), NOT_PROVED],
  ])('does not accept %s', async (_what, server, words) => {
    const ops = opsFor(server);
    await expect(proveHba(ops, db, outside)).rejects.toMatchObject(alarm(words));
    expect(ops.written).toEqual([]);
  });

  it('ends sessions that came in late under the old rules', async () => {
    const server = new Server(CLOSED);
    server.sessions = [9];
    const ops = opsFor(server);
    expect(await proveHba(ops, db, outside, 'T2')).toMatchObject({
      done: 'nothing',
      endedSessions: 1,
      inForceSince: 'T2',
    });
    expect(ops.scripted.calls[0]?.input).toContain("backend_start < 'T2'::timestamptz");
  });

  it('tries another wrong password each time', async () => {
    const ops = opsFor(new Server(CLOSED));
    await proveHba(ops, db, outside);
    await proveHba(ops, db, outside);
    const tried = ops.scripted.calls.filter((c) => c.argv.includes('login')).map((c) => c.env.WFOPS_PGPASS);
    expect(new Set(tried).size).toBe(2);
  });
});

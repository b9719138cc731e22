import { createHmac } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { NotifyConfig } from '../../../../lib/core/notify.ts';
import { targetFor } from '../../../../lib/core/target.ts';
import { registerAddresses } from '../../../../lib/domain/alerts/addresses.ts';
import { deliver, ping, TELL_MS } from '../../../../lib/domain/alerts/deliver.ts';
import { readDelivery } from '../../../../lib/domain/alerts/deliveries.ts';
import type { Event, Kind } from '../../../../lib/domain/alerts/event.ts';
import { TOO_LATE } from '../../../../lib/tools/alerts/post.ts';
import { type Answer, type Got, loopback, mailServer, webServer } from '../../../support/loopback.ts';
import { type TestOps, testOps } from '../../../support/ops.ts';
import type { Responder } from '../../../support/scripted-spawn.ts';

const SECRET = 'sentinel-robot-secret';
const TOKEN = 'sentinel-token-0123456789';
/** Of the fake clock; the signatures below were made of it by another program (Python's hmac). */
const SECONDS = '1767323045';

const event = (kind: Kind = 'failed'): Event => ({
  kind,
  subject: 'backup-prod create',
  host: 'db-host',
  stack: 'whalefall',
  dir: '/opt/whalefall',
  ended: {
    at: '2026-01-02T03:04:05.000Z',
    exitCode: kind === 'failed' ? 1 : 0,
    run: '20260102T030000Z-backup-prod',
    took: 65_000,
    requests: { sent: 100, failed: 3, longest: 2_100, downtime: 1_900 },
    bytes: null,
  },
  what: { en: 'the disk is full <!channel> <at user_id="all">', zh: '磁盘已满' },
  state: { en: 'Everything is as before.', zh: '一切如前.' },
  next: [{ en: 'npx tsx scripts/backup-prod.ts create', zh: 'npx tsx scripts/backup-prod.ts create' }],
});

function opsWith(
  notify: object,
  variables: Readonly<Record<string, string>>,
  respond: Responder = () => undefined,
): TestOps {
  const ops = testOps(respond, { net: loopback, variables });
  const target = targetFor(ops.target.dir, { notify });
  return { ...ops, target };
}

type Kept = { readonly env: string };
const HOOK: Kept = { env: 'HOOK' };
const KEY: Kept = { env: 'KEY' };

/** Tells one channel of an event, at a server that answers so. */
async function tell(channel: object, answer: (got: Got, number: number) => Answer | 'silence', kind: Kind = 'failed') {
  const server = await webServer(answer);
  const ops = opsWith(
    { channels: [{ name: 'group', url: HOOK, ...channel }] },
    { HOOK: `${server.origin}/hook/${TOKEN}?access_token=${TOKEN}`, KEY: SECRET },
  );
  const told = await deliver(ops, event(kind));
  return { told, got: server.got, ops, failure: told[0]?.failure?.en };
}

describe('feishu', () => {
  const channel = { kind: 'feishu', secret: KEY };

  it('is told in text, with its signature', async () => {
    const { got, told } = await tell(channel, () => ({ body: '{"code":0,"msg":"success","data":{}}' }));
    expect(told).toEqual([{ to: 'group', failure: undefined }]);
    const said = JSON.parse(got[0]?.body ?? '');
    expect(said).toMatchObject({
      msg_type: 'text',
      timestamp: SECONDS,
      sign: 'UmLGBy+n4oe32otql5TnwRChkGybgwdH5r4RX8oysUE=',
    });
    expect(said.content.text).toContain('[FAILED] backup-prod create · whalefall @ db-host\nthe disk is full');
    expect(said.content.text, 'nobody is called by what an error says').not.toContain('<at ');
  });

  it('has refused with HTTP 200', async () => {
    const { failure } = await tell(channel, () => ({
      body: '{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}',
    }));
    expect(failure).toContain('refused, with HTTP 200: {"code":19021,"msg":"sign match fail');
  });

  it('is taken at its older word', async () => {
    const { failure } = await tell({ kind: 'feishu' }, ({ body }) =>
      'sign' in JSON.parse(body) ? { status: 400 } : { body: '{"StatusCode":0,"StatusMessage":"success"}' },
    );
    expect(failure).toBeUndefined();
  });
});

describe('dingtalk', () => {
  it('is told with its signature in the URL, beside what was there', async () => {
    const { got, failure } = await tell({ kind: 'dingtalk', secret: KEY }, () => ({
      body: '{"errcode":0,"errmsg":"ok"}',
    }));
    expect(failure).toBeUndefined();
    const { searchParams } = new URL(got[0]?.url ?? '', 'http://x');
    expect(Object.fromEntries(searchParams)).toEqual({
      access_token: TOKEN,
      timestamp: `${SECONDS}000`,
      sign: '2C8rF6SeLFWKsLc7yDp0qjsk9Y/mv+XR5NwIa+hpp7M=',
    });
    expect(JSON.parse(got[0]?.body ?? '')).toMatchObject({
      msgtype: 'text',
      text: { content: expect.stringContaining('the disk is full') },
    });
  });

  it('has refused with HTTP 200', async () => {
    const { failure } = await tell({ kind: 'dingtalk' }, () => ({
      body: '{"errcode":310000,"errmsg":"keywords not in content"}',
    }));
    expect(failure).toContain('keywords not in content');
  });
});

describe('wecom', () => {
  it('is told within its 2048 bytes', async () => {
    const { got, failure } = await tell({ kind: 'wecom' }, () => ({ body: '{"errcode":0,"errmsg":"ok"}' }));
    expect(failure).toBeUndefined();
    const { text } = JSON.parse(got[0]?.body ?? '');
    expect(text.content).toContain('[FAILED] backup-prod create');
    expect(Buffer.byteLength(text.content)).toBeLessThanOrEqual(2_048);
  });

  it('has refused with HTTP 200', async () => {
    const { failure } = await tell({ kind: 'wecom' }, () => ({
      body: '{"errcode":93000,"errmsg":"invalid webhook url"}',
    }));
    expect(failure).toContain('invalid webhook url');
  });
});

describe('slack', () => {
  it.each(['ok', '{"success":true}', '{"ok":true}', '{"result":"success","msg":""}'])('took it: %s', async (body) => {
    const { got, failure } = await tell({ kind: 'slack' }, () => ({ body }));
    expect(failure).toBeUndefined();
    const { text } = JSON.parse(got[0]?.body ?? '');
    expect(text, 'nobody is called by what an error says').toContain('the disk is full &lt;!channel&gt;');
  });

  it.each(['invalid_token', '{"ok":false,"error":"no_service"}', '', '<html>a login page</html>'])(
    'did not: %s',
    async (body) => {
      expect((await tell({ kind: 'slack' }, () => ({ body }))).failure).toContain('refused, with HTTP 200');
    },
  );
});

describe('webhook', () => {
  it('gets the event, signed', async () => {
    const { got, failure } = await tell({ kind: 'webhook', secret: KEY }, ({ headers, body }) => {
      const [, at, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-whalefall-signature'])) ?? [];
      const right = createHmac('sha256', SECRET).update(`${at}.${body}`).digest('hex');
      return at === SECONDS && v1 === right ? { status: 204 } : { status: 401 };
    });
    expect(failure).toBeUndefined();
    expect(JSON.parse(got[0]?.body ?? '')).toMatchObject({
      version: 1,
      kind: 'failed',
      subject: 'backup-prod create',
      host: 'db-host',
      stack: 'whalefall',
      exitCode: 1,
      requests: { failed: 3, downtime: 1_900 },
      state: 'Everything is as before.',
      next: ['npx tsx scripts/backup-prod.ts create'],
    });
  });

  it.each(['{"ok":false}', '{"success":false}', '{"code":500}', '{"errcode":40013}', '{"error":"no such hook"}'])(
    'has refused with HTTP 200: %s',
    async (body) => {
      expect((await tell({ kind: 'webhook' }, () => ({ body }))).failure).toContain('refused, with HTTP 200');
    },
  );

  it.each(['', 'anything', '{"code":0}', '{"code":200}', '{"ok":true,"error":null}'])('took it: %s', async (body) => {
    expect((await tell({ kind: 'webhook' }, () => ({ body }))).failure).toBeUndefined();
  });
});

describe('any of them', () => {
  it('is asked once more when its server was in trouble, and never when it refused', async () => {
    const trouble = await tell({ kind: 'webhook' }, (_, number) => ({ status: number === 1 ? 503 : 200 }));
    expect([trouble.got.length, trouble.failure]).toEqual([2, undefined]);
    const lasting = await tell({ kind: 'webhook' }, () => ({ status: 502, body: 'bad gateway' }));
    expect([lasting.got.length, lasting.failure]).toEqual([2, 'HTTP 502: bad gateway']);
    const refused = await tell({ kind: 'webhook' }, () => ({ status: 404 }));
    expect([refused.got.length, refused.failure]).toEqual([1, 'HTTP 404']);
    const moved = await tell({ kind: 'webhook' }, () => ({
      status: 302,
      headers: { location: 'http://127.0.0.1:1/' },
    }));
    expect(moved.failure).toBe('HTTP 302');
  });

  it('that can’t be connected to is a failure that names no address', async () => {
    const ops = opsWith(
      { channels: [{ name: 'group', kind: 'slack', url: HOOK }] },
      { HOOK: `http://127.0.0.1:1/${TOKEN}` },
    );
    const told = await deliver(
      {
        ...ops,
        net: {
          ...loopback,
          fetch: async () => Promise.reject(Object.assign(new Error(`no route to ${TOKEN}`), { code: 'EHOSTUNREACH' })),
        },
      },
      event(),
    );
    expect(told).toEqual([
      { to: 'group', failure: { en: 'no connection (EHOSTUNREACH)', zh: '无法连接 (EHOSTUNREACH)' } },
    ]);
    expect(readDelivery(ops.paths, 'group')?.failure?.en).toBe('no connection (EHOSTUNREACH)');
  });

  it('that is no URL is a failure that does not show it', async () => {
    const ops = opsWith({ channels: [{ name: 'group', kind: 'slack', url: HOOK }] }, { HOOK: `gopher:${TOKEN}` });
    expect((await deliver(ops, event()))[0]?.failure?.en).toBe('its address is no http or https URL');
  });

  it('that says its own address in an answer is redacted', async () => {
    const { failure, ops } = await tell({ kind: 'slack' }, ({ url }) => ({ body: `no such hook: ${url}` }));
    expect(failure).toContain('[secret]');
    expect(JSON.stringify([failure, readDelivery(ops.paths, 'group')])).not.toContain(TOKEN);
  });

  it('hears of problems alone, unless it wants to hear of all', async () => {
    const heard: Record<string, number> = {};
    for (const when of ['problems', 'every-run']) {
      for (const kind of ['failed', 'recovered', 'succeeded', 'refused'] as const) {
        const { got } = await tell({ kind: 'webhook', when }, () => ({}), kind);
        heard[`${when}: ${kind}`] = got.length;
      }
    }
    expect(heard).toEqual({
      'problems: failed': 1,
      'problems: recovered': 1,
      'problems: succeeded': 0,
      'problems: refused': 0,
      'every-run: failed': 1,
      'every-run: recovered': 1,
      'every-run: succeeded': 1,
      'every-run: refused': 1,
    });
  });

  it('writes its last attempt down: a failure, and that it works again', async () => {
    const server = await webServer((_, number) => ({ status: number === 1 ? 403 : 200 }));
    const ops = opsWith({ channels: [{ name: 'group', kind: 'webhook', url: HOOK }] }, { HOOK: server.origin });
    await deliver(ops, event());
    expect(readDelivery(ops.paths, 'group')?.failure?.en).toBe('HTTP 403');
    await deliver(ops, event());
    expect(readDelivery(ops.paths, 'group')).toMatchObject({ failure: null });
  });

  it('is told in the language of the configuration', async () => {
    const server = await webServer(() => ({}));
    const ops = opsWith(
      { language: 'zh', channels: [{ name: 'group', kind: 'webhook', url: HOOK }] },
      { HOOK: server.origin },
    );
    await deliver(ops, event());
    expect(JSON.parse(server.got[0]?.body ?? '').title).toBe('[失败] backup-prod create · whalefall @ db-host');
  });

  it('is told nothing of a secret that an error says', async () => {
    const server = await webServer(() => ({}));
    const ops = opsWith({ channels: [{ name: 'group', kind: 'webhook', url: HOOK }] }, { HOOK: server.origin });
    ops.secrets.add('pa"ss\\word-1');
    await deliver(ops, { ...event(), what: { en: 'login as pa"ss\\word-1 failed', zh: '' } });
    expect(JSON.parse(server.got[0]?.body ?? '')).toMatchObject({ what: 'login as [secret] failed' });
    expect(server.got[0]?.body).not.toContain('word-1');
  });
});

describe('mail', () => {
  const to = { from: 'ops@example.com', to: ['night@example.com', 'boss@example.com'] };

  it('goes to a mail server with its login', async () => {
    const server = await mailServer('robot', 'sentinel p@ss');
    const url = `smtp://robot:${encodeURIComponent('sentinel p@ss')}@127.0.0.1:${server.port}`;
    const ops = opsWith({ channels: [{ name: 'mail', kind: 'smtp', url: HOOK, ...to }] }, { HOOK: url });
    expect(await deliver(ops, event())).toEqual([{ to: 'mail', failure: undefined }]);
    const [mail] = server.got;
    expect(mail).toMatchObject({ login: 'robot', from: to.from, to: to.to });
    expect(mail?.data).toContain('the disk is full');
    expect(mail?.data).toContain('Auto-Submitted: auto-generated');
    expect(mail?.data).not.toContain('sentinel');
  });

  it('that is refused says so in the server’s words, without the login', async () => {
    const server = await mailServer('robot', 'another');
    const ops = opsWith(
      { channels: [{ name: 'mail', kind: 'smtp', url: HOOK, ...to }] },
      { HOOK: `smtp://robot:sentinel-pw@127.0.0.1:${server.port}` },
    );
    const told = await deliver(ops, event());
    expect(told[0]?.failure?.en).toBe('the mail server refused: 535 5.7.8 wrong credentials');
  });

  it('that can’t be delivered to any of its recipients has failed', async () => {
    const server = await mailServer('robot', 'pw-of-robot', 'gone@example.com');
    const ops = opsWith(
      { channels: [{ name: 'mail', kind: 'smtp', url: HOOK, from: to.from, to: ['gone@example.com'] }] },
      { HOOK: `smtp://robot:pw-of-robot@127.0.0.1:${server.port}` },
    );
    expect((await deliver(ops, event()))[0]?.failure?.en).toContain('550 5.1.1 no such mailbox here');
  });

  it('that reaches only some of its recipients has failed', async () => {
    const server = await mailServer('robot', 'pw-of-robot', 'night@example.com');
    const ops = opsWith(
      { channels: [{ name: 'mail', kind: 'smtp', url: HOOK, ...to }] },
      { HOOK: `smtp://robot:pw-of-robot@127.0.0.1:${server.port}` },
    );
    expect((await deliver(ops, event()))[0]?.failure?.en).toContain('550 5.1.1');
  });

  it.each(['smtp://robot:100%@127.0.0.1', 'smtp://ro%bot:pw@127.0.0.1'])(
    'with a login that is not encoded has no address: %s',
    async (url) => {
      const ops = opsWith({ channels: [{ name: 'mail', kind: 'smtp', url: HOOK, ...to }] }, { HOOK: url });
      expect((await deliver(ops, event()))[0]?.failure?.en).toBe('its address is no smtp or smtps URL');
    },
  );

  it('is handed to sendmail with its recipients inside', async () => {
    const ops = opsWith({ channels: [{ name: 'mail', kind: 'sendmail', ...to }] }, {}, ({ argv }) =>
      argv[0] === '/usr/sbin/sendmail' ? {} : undefined,
    );
    expect(await deliver(ops, event())).toEqual([{ to: 'mail', failure: undefined }]);
    const [call] = ops.scripted.calls;
    expect(call?.argv).toEqual(['/usr/sbin/sendmail', '-t', '-i']);
    expect(call?.input).toMatch(/^To: night@example\.com, boss@example\.com$/m);
    expect(call?.input).not.toContain('\r');
  });
});

describe('a program or sendmail that hangs', () => {
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['program', { path: '/opt/page' }],
    ['sendmail', { from: 'ops@example.com', to: ['night@example.com'] }],
  ])('was too late: %s', async (kind, more) => {
    const ops = opsWith({ channels: [{ name: 'pager', kind, ...more }] }, {}, () => ({ hangs: true }));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const told = deliver(ops, event());
    for (let turns = 0; turns < 5; turns += ops.scripted.calls.length) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(TELL_MS);
    expect((await told)[0]?.failure).toEqual(TOO_LATE);
  });
});

describe('program', () => {
  const channels = [{ name: 'pager', kind: 'program', path: '/opt/page' }];

  it('gets the event on its stdin, and inherits no lock and no address', async () => {
    const ops = opsWith({ channels }, { HOOK: TOKEN }, () => ({}));
    expect(await deliver({ ...ops, lockFd: 3 }, event())).toEqual([{ to: 'pager', failure: undefined }]);
    const [call] = ops.scripted.calls;
    expect(call?.argv).toEqual(['/opt/page']);
    expect(JSON.parse(call?.input ?? '')).toMatchObject({
      kind: 'failed',
      exitCode: 1,
      title: expect.stringContaining('FAILED'),
    });
    expect(Object.values(call?.env ?? {})).not.toContain(TOKEN);
    expect(ops.written, 'nothing is journaled').toEqual([]);
  });

  it('that fails, or is not there, has not told anybody', async () => {
    const failed = opsWith({ channels }, {}, () => ({ exitCode: 3, stderr: 'no\nmodem' }));
    expect((await deliver(failed, event()))[0]?.failure?.en).toBe('exit code 3: no modem');
    const absent = opsWith({ channels }, {}, () => ({ exitCode: 127, stderr: 'No such file or directory' }));
    expect((await deliver(absent, event()))[0]?.failure?.en).toBe('exit code 127: No such file or directory');
  });
});

describe('a dead-man’s switch', () => {
  it('hears start, success and failure as healthchecks.io has it', async () => {
    const server = await webServer(() => ({ body: 'OK' }));
    const ops = opsWith(
      { watch: { backup: { ping: HOOK, hours: 26 } } },
      { HOOK: `${server.origin}/ping/${TOKEN}?rid=1` },
    );
    for (const signal of ['start', undefined, 'fail'] as const)
      expect(await ping(ops, 'backup', signal, { en: 'what happened', zh: '' })).toEqual({
        to: 'ping.backup',
        failure: undefined,
      });
    expect(server.got.map(({ url }) => url)).toEqual([
      `/ping/${TOKEN}/start?rid=1`,
      `/ping/${TOKEN}?rid=1`,
      `/ping/${TOKEN}/fail?rid=1`,
    ]);
    expect(server.got[2]?.body).toBe('what happened');
    expect(await ping(ops, 'drill', undefined, undefined), 'none is configured').toBeUndefined();
  });

  it.each(['OK (not found)', 'OK (rate limited)'])('has refused with HTTP 200: %s', async (body) => {
    const server = await webServer(() => ({ body }));
    const ops = opsWith({ watch: { backup: { ping: HOOK, hours: 26 } } }, { HOOK: server.origin });
    expect((await ping(ops, 'backup', undefined, undefined))?.failure?.en).toContain(body);
    expect(readDelivery(ops.paths, 'ping.backup')?.failure?.en).toContain(body);
  });
});

describe('an address', () => {
  const notify = (file: string) => ({ channels: [{ name: 'group', kind: 'webhook', url: { file } }] });

  it('is read from a file that only its owner may read', async () => {
    const server = await webServer(() => ({}));
    const ops = opsWith({}, {});
    const file = path.join(ops.target.dir, 'hook');
    const told = async () => deliver({ ...ops, target: targetFor(ops.target.dir, { notify: notify(file) }) }, event());
    expect((await told())[0]?.failure?.en).toBe(`${file} can't be read (ENOENT)`);
    writeFileSync(file, `${server.origin}/${TOKEN}\n`, { mode: 0o644 });
    chmodSync(file, 0o644);
    expect((await told())[0]?.failure?.en).toBe(`others may read ${file}: chmod 600 ${file}`);
    expect(server.got).toEqual([]);
    chmodSync(file, 0o600);
    expect((await told())[0]?.failure).toBeUndefined();
    writeFileSync(file, ' \n');
    expect((await told())[0]?.failure?.en).toBe(`${file} is empty`);
    expect(readFileSync(file, 'utf8')).toBe(' \n');
  });

  it('that is not set is a failure with its name', async () => {
    const ops = opsWith({ channels: [{ name: 'group', kind: 'slack', url: HOOK }] }, {});
    expect((await deliver(ops, event()))[0]?.failure?.en).toBe('the variable HOOK is not set');
  });

  it('is a secret from the beginning, whole and in its parts', () => {
    const ops = opsWith(
      {},
      { HOOK: `https://user:sentinel-pw@hooks.example/services/${TOKEN}?key=sentinel-key-000001`, KEY: SECRET },
    );
    const config: NotifyConfig = targetFor('/', {
      notify: {
        channels: [
          { name: 'group', kind: 'feishu', url: HOOK, secret: KEY },
          { name: 'mail', kind: 'sendmail', from: 'ops@example.com', to: ['boss@example.com'] },
        ],
      },
    }).notify;
    registerAddresses(ops, config);
    const said = ops.secrets.redact(
      `${TOKEN} sentinel-pw sentinel-key-000001 ${SECRET} boss@example.com /services/${TOKEN}?key=sentinel-key-000001`,
    );
    expect(said.replaceAll('[secret]', '').trim()).toBe('');
  });
});

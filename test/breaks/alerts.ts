import { type Break, edit } from './break.ts';

const delivery = (named: string) => ({ test: 'test/unit/domain/alerts/deliver.test.ts', named });

/** Who is told, and whether it got there. */
export const ALERTS: readonly Break[] = [
  {
    what: { en: 'HTTP 200 alone counts as told', zh: '只凭 HTTP 200 就算已通知' },
    edits: [edit('lib/tools/alerts/feishu.ts', 'code === 0 ? undefined : body', 'undefined')],
    ...delivery('has refused with HTTP 200'),
  },
  {
    what: { en: 'a robot’s signature is made of other words', zh: '机器人签名内容有误' },
    edits: [edit('lib/tools/alerts/dingtalk.ts', '`${timestamp}\\n${secret}`', '`${timestamp}${secret}`')],
    ...delivery('is told with its signature in the URL'),
  },
  {
    what: { en: 'an address is read from a file that others may read', zh: '从他人可读的文件读取地址' },
    edits: [edit('lib/domain/alerts/addresses.ts', 'if (mode & 0o077)', 'if (mode === 0)')],
    ...delivery('is read from a file that only its owner may read'),
  },
  {
    what: { en: 'an answer that says the address is shown', zh: '应答中的地址被原样显示' },
    edits: [edit('lib/domain/alerts/addresses.ts', "if ('value' in found) registerAddress(secrets, found.value);", '')],
    ...delivery('that says its own address in an answer is redacted'),
  },
  {
    what: { en: 'a nightly one that declines is no failure', zh: '夜间任务被拒绝不算失败' },
    edits: [edit('lib/domain/alerts/event.ts', 'return watching && NOTHING_BEGUN', 'return NOTHING_BEGUN')],
    test: 'test/unit/domain/alerts/outcomes.test.ts',
    named: 'is no news with',
  },
  {
    what: { en: 'a run that could not begin tells nobody', zh: '没能开始的运行不通知任何人' },
    edits: [edit('lib/runs/main/main.ts', 'await tells.end({ ...ending, stack: hold?.project });', '')],
    test: 'test/unit/runs/main/alerts.test.ts',
    named: 'tells of a run that could not begin',
  },
  {
    what: { en: 'a killed run is told of at every start', zh: '每次启动都重复通知被强行终止的运行' },
    edits: [edit('lib/runs/main/alerts.ts', '|| !claimTelling(run, ops.clock.now())', '')],
    test: 'test/unit/runs/main/alerts.test.ts',
    named: 'the next one that starts tells where it was killed',
  },
  {
    what: { en: 'a channel that hangs holds up who tells of a killed run', zh: '通道无响应会拖住代为通知的运行' },
    edits: [
      edit(
        'lib/runs/main/alerts.ts',
        "for (const run of runs) if (run.state.kind === 'died') tellOfKilled(run, now).catch(() => undefined);",
        'started = Promise.all(runs.map((run) => tellOfKilled(run, now))).then(() => undefined);',
      ),
    ],
    test: 'test/unit/runs/main/alerts.test.ts',
    named: 'a channel that hangs holds up no run',
  },
  {
    what: { en: 'foreign text is markup in a report', zh: '报告中的外来文本不转义' },
    edits: [
      edit(
        'lib/runs/report/html.ts',
        'printable(text).replace(/[&<>"\']/g, (c) => ENTITIES[c] ?? c)',
        'printable(text)',
      ),
    ],
    test: 'test/unit/runs/report/report.test.ts',
    named: 'escapes whatever comes from elsewhere',
  },
  {
    what: { en: 'a secret that was shown is written down for the report', zh: '显示过的密钥被写入报告来源' },
    edits: [edit('lib/runs/main/recorded.ts', 'says: secrets.redactIn(e.text)', 'says: e.text')],
    test: 'test/unit/runs/main/recorded.test.ts',
    named: 'writes down tables and remarks, redacted',
  },
  {
    what: { en: 'who still waits counts for nothing', zh: '仍在等待的请求不计入' },
    edits: [edit('lib/domain/ledger/requests.ts', 'now - (oldest?.began ?? now)', '0')],
    test: 'test/unit/domain/ledger/requests.test.ts',
    named: 'counts who still waits',
  },
];

import { type Break, edit } from './break.ts';

/** Requests that wait. */
export const HOLD: readonly Break[] = [
  {
    what: { en: 'the doorman stands in a network in which nothing is published', zh: '暂存程序所在网络无法发布端口' },
    edits: [edit('lib/domain/hold/survey.ts', 'networks.find((network) => !internal.has(network)) ?? first', 'first')],
    test: 'test/simulation/hold.test.ts',
    named: 'requests are held in a network in which ports are published',
  },
  {
    what: { en: 'the doorman is not in the network that it leads to', zh: '暂存程序未加入新容器的网络' },
    edits: [edit('lib/domain/hold/doorman.ts', 'if (network !== post.network)', "if (network === '')")],
    test: 'test/simulation/hold.test.ts',
    named: 'requests are held in a network in which ports are published',
  },
  {
    what: { en: 'each renewal of a rule waits for the disk', zh: '每次续期规则都等待磁盘落盘' },
    edits: [edit('lib/domain/hold/lease.ts', 'put({ ...calm, journal: UNWRITTEN })', 'put(calm)')],
    test: 'test/unit/domain/hold/lease.test.ts',
    named: 'writes down that rules are put',
  },
  {
    what: { en: 'time in which nobody looked counts as time without a failure', zh: '未能测量的时间视为没有失败' },
    edits: [edit('lib/tools/http/probe.ts', 'blindMs = Math.max(blindMs, round(since))', 'blindMs = 0')],
    test: 'test/unit/tools/http/probe.test.ts',
    named: 'tells for how long it could not look',
  },
  {
    what: { en: 'a doorman that dies when it is to lead leaves a rule', zh: 'doorman 在放行时死亡, 规则残留' },
    edits: [edit('lib/domain/hold/hold.ts', 'if (now !== held) return; // it has died meanwhile', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'a doorman that dies when it is to lead',
  },
  {
    what: {
      en: 'a run ends before what it has attached to the engine',
      zh: '运行结束时, 其附加到引擎的程序仍未退出',
    },
    edits: [edit('lib/runs/main/main.ts', '            await closeAttached(ops);\n', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails while a rebuild replaces the container',
  },
  {
    what: { en: 'requests are refused while the container is replaced', zh: '替换容器期间请求被拒绝' },
    edits: [edit('lib/domain/replacement/app-container.ts', '  await hold.begin(ops, app, { drains: true });\n', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails while a rebuild replaces the container',
  },
  {
    what: { en: 'requests are refused on the way back', zh: '恢复过程中请求被拒绝' },
    edits: [
      edit(
        'lib/domain/replacement/app-container.ts',
        'await hold.begin(ops, app, { isBack: true, drains: served });',
        '',
      ),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails when what is proved last turns out wrong',
  },
  {
    what: { en: 'requests go to the new container before it is healthy', zh: '新容器未健康就放行请求' },
    edits: [
      edit(
        'lib/domain/replacement/app-container.ts',
        '  await run(ops, start(replacement.next));\n',
        '  await run(ops, start(replacement.next));\n  await hold.end(ops);\n',
      ),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails while a rebuild replaces the container',
  },
  {
    what: { en: 'rules of a killed run are never removed', zh: '被强制终止的运行留下的规则无人清除' },
    edits: [edit('lib/runs/main/main.ts', 'if (!action.givesWay) await removeLeftRules(ops);', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'which the next start of any script removes',
  },
  {
    what: { en: 'holding is taken for granted', zh: '未经试验就认为可以暂存' },
    edits: [edit('lib/domain/hold/survey.ts', 'if (taken === before.taken) return passedBy(url);', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'goes the plain way where',
  },
  {
    what: { en: 'another directory’s rules are known as ours', zh: '把其他目录的规则当作自己的' },
    edits: [
      edit(
        'lib/tools/iptables/iptables.ts',
        '?.slice(1).includes(comment) ?? false',
        '?.slice(1).some((said) => said?.startsWith(comment)) ?? false',
      ),
    ],
    test: 'test/unit/tools/iptables/iptables.test.ts',
    named: 'knows rules by the whole of their comment',
  },
  {
    what: { en: 'a rule has no end of its own', zh: '规则没有自己的终点' },
    edits: [
      edit(
        'lib/domain/hold/rules.ts',
        '-m time --datestop ${new Date(until).toISOString().slice(0, 19)} ',
        '${until > 0 ? "" : " "}',
      ),
    ],
    test: 'test/unit/domain/hold/rules.test.ts',
    named: 'leads others to the doorman',
  },
  {
    what: { en: 'the doorman’s death is not noticed', zh: 'doorman 死亡无人察觉' },
    edits: [edit('lib/domain/hold/hold.ts', 'if (now !== held) return;\n', 'if (held) return;\n')],
    test: 'test/e2e/hold-mechanism.e2e.test.ts',
    named: 'sends nobody to a doorman that has died',
  },
  {
    what: { en: 'a maintenance page lets visitors wait instead', zh: '维护页面让访问者一直等待' },
    edits: [edit('lib/flows/maintenance/keep.ts', '    await hold.turnAway();\n', '')],
    test: 'test/simulation/maintenance.test.ts',
    named: 'has visitors see the page for as long as it was told',
  },
  {
    what: { en: 'a maintenance page stays when its time is over', zh: '维护页面到时后仍不关闭' },
    edits: [edit('lib/flows/maintenance/keep.ts', '    await hold.end(ops);\n', '')],
    test: 'test/simulation/maintenance.test.ts',
    named: 'has visitors see the page for as long as it was told',
  },
  {
    what: { en: 'a queue that moves is cut after 30 s', zh: '仍在推进的等待队列 30 秒后被切断' },
    edits: [
      edit(
        'lib/domain/hold/doorman.py',
        '            if self.unanswered() < unanswered:\n                moved = time.monotonic()\n',
        '',
      ),
    ],
    test: 'test/e2e/hold-mechanism.e2e.test.ts',
    named: 'cuts nobody in a queue that moves, and whoever is not answered',
  },
  {
    what: {
      en: 'an upgrade that is taken back cuts the requests of the application that it had started',
      zh: '撤回升级时切断已恢复服务的应用正在处理的请求',
    },
    edits: [
      edit('lib/flows/upgrade-postgres/switch.ts', 'await haltAgain(ops, app, hold);', "await halt(ops, 'app', app);"),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'that is taken back once its application serves',
  },
  {
    what: { en: 'an upgrade does not measure what becomes of requests', zh: '升级时不统计请求结果' },
    edits: [edit('lib/flows/upgrade-postgres/switch.ts', 'downtime.start(ops);', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails while PostgreSQL is upgraded',
  },
  {
    what: { en: 'rules that can’t be listed are taken for gone', zh: '无法列出规则时视为已移除' },
    edits: [
      edit(
        'lib/tools/iptables/iptables.ts',
        'await list(ops, firewall, family))',
        '(await listing(ops, firewall, family)) ?? [])',
      ),
    ],
    test: 'test/unit/tools/iptables/iptables.test.ts',
    named: 'does not take it that none is there where that can not be asked',
  },
  {
    what: { en: 'a trial leads other people’s connections', zh: '试验会影响他人的连接' },
    edits: [edit('lib/domain/hold/rules.ts', ' -m addrtype --src-type LOCAL`', '`')],
    test: 'test/unit/domain/hold/rules.test.ts',
    named: 'of a trial, leads only connections from this machine',
  },
  {
    what: { en: 'the doorman’s own page proves that it can hold', zh: '把 doorman 自己的页面当作应用的应答' },
    edits: [edit('lib/domain/hold/survey.ts', 'isPage !== (address === undefined) || ', '')],
    test: 'test/simulation/hold.test.ts',
    named: 'does not take the doorman’s own page',
  },
  {
    what: { en: 'one that answers 503 for itself has all the time', zh: '自身返回 503 的版本被无限等待' },
    edits: [edit('lib/domain/app/health.ts', " || (c.name === 'deep' && !SILENT.includes(c.outcome))", '')],
    test: 'test/unit/domain/app/health.test.ts',
    named: 'gives up sooner on one that has booted and goes on answering',
  },
  {
    what: {
      en: 'rules are put while those of the hold before are taken away',
      zh: '上一次暂存的规则尚在移除, 新规则已经写入',
    },
    edits: [edit('lib/domain/hold/hold.ts', 'allEnded([going, attaching])', 'allEnded([attaching])')],
    test: 'test/simulation/hold.test.ts',
    named: 'no request fails when a hot update that restarted the container is taken back',
  },
  {
    what: { en: 'a run that is killed leaves the scheduler stopped', zh: '运行被强制终止后, 调度器保持停止' },
    edits: [
      edit(
        'lib/domain/app/agent/drain.py',
        '        finally:\n            put_back()',
        '        finally:\n            pass',
      ),
    ],
    test: 'test/unit/domain/hold/drain.test.ts',
    named: 'starts again what it has ended',
  },
  {
    what: { en: 'a program that could not be stopped counts as ended', zh: '未能停止的程序被当作已结束' },
    edits: [edit('lib/domain/app/agent/drain.py', 'return told.issuperset(', 'return told or set(')],
    test: 'test/unit/domain/hold/drain.test.ts',
    named: 'does not call ended what supervisord could not',
  },
  {
    what: { en: 'a drain that never began restarts nginx', zh: '尚未开始排空就结束时, 仍重启 nginx' },
    edits: [edit('lib/domain/app/agent/drain.py', '            return  # nothing', '            pass  # nothing')],
    test: 'test/unit/domain/hold/drain.test.ts',
    named: 'touches nothing when it is let go before',
  },
  {
    what: { en: 'a stop that fails leaves the scheduler stopped', zh: '停止容器失败后, 调度器保持停止' },
    edits: [
      edit('lib/domain/hold/drain.ts', '        await agent?.close();\n', ''),
      edit('lib/domain/hold/hold.ts', '    void drainer?.close();\n', ''),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'what was ended for a stop that',
  },
  {
    what: { en: 'a job that supervisord cut is not told', zh: '被 supervisord 中断的任务不提示' },
    edits: [edit('lib/domain/app/agent/drain.py', 'with SIGKILL" in since]', 'with SIGTERM" in since]')],
    test: 'test/unit/domain/hold/drain.test.ts',
    named: 'knows a program that supervisord killed',
  },
  {
    what: { en: 'a request by TLS is cut while it is worked on', zh: '切断正在处理的 TLS 请求' },
    edits: [edit('lib/domain/hold/doorman.py', 'UNCLEAR_IDLE_SECONDS = 15', 'UNCLEAR_IDLE_SECONDS = 2')],
    test: 'test/processes/doorman.test.ts',
    named: 'cuts nobody by TLS who has a ticket',
  },
  {
    what: { en: 'slow answers let those who waited fill nginx', zh: '应答缓慢时, 等待者占满 nginx 的连接' },
    edits: [edit('lib/domain/hold/doorman.py', 'MOST_UNANSWERED = 256', 'MOST_UNANSWERED = 10_000')],
    test: 'test/processes/doorman.test.ts',
    named: 'lets no more in than nginx has room for',
  },
  {
    what: { en: 'spare connections keep those who ask from being served', zh: '空闲连接占住名额, 真正的请求无法进入' },
    edits: [edit('lib/domain/hold/doorman.py', 'step_aside() if connection.answers else free()', 'step_aside()')],
    test: 'test/processes/doorman.test.ts',
    named: 'lets others in past those who have asked for nothing',
  },
  {
    what: { en: 'an answer is cut where it pauses', zh: '应答中途停顿即被切断' },
    edits: [edit('lib/domain/hold/doorman.py', 'self.whole = self.left <= 0', 'self.whole = True')],
    test: 'test/processes/doorman.test.ts',
    named: 'waits for the rest of an answer that pauses',
  },
  {
    what: {
      en: 'the end of an answer goes with the doorman before a slow visitor has it',
      zh: '用户尚未收完应答, doorman 就已退出',
    },
    edits: [edit('lib/domain/hold/doorman.py', 'if not connection.delivered():', 'if False:')],
    test: 'test/processes/doorman.test.ts',
    named: 'waits until a slow visitor has got all',
  },
  {
    what: { en: 'a connection that was cut is not counted', zh: '被切断的连接未计数' },
    edits: [edit('lib/domain/hold/doorman.py', 'return not self.answered or', 'return False and')],
    test: 'test/processes/doorman.test.ts',
    named: 'says who was cut in the middle',
  },
  {
    what: {
      en: 'the doorman leaves while somebody’s connection to it is being made',
      zh: '仍有连接正在建立, doorman 就已退出',
    },
    edits: [edit('lib/domain/hold/doorman.py', 'order["finish"], ARRIVAL_SECONDS', 'order["finish"]')],
    test: 'test/processes/doorman.test.ts',
    named: 'serves also those whose connection was on its way',
  },
  {
    what: { en: 'more may wait than the engine’s proxy can keep open', zh: '等待的连接数超过引擎代理的上限' },
    edits: [edit('lib/domain/hold/doorman.py', 'self.most is not None and self.count[port] > self.most', 'False')],
    test: 'test/processes/doorman.test.ts',
    named: 'lets no more wait than there is room for',
  },
  {
    what: { en: 'a maintenance page is gone for good with the engine', zh: '引擎重启后维护页面不再恢复' },
    edits: [edit('lib/flows/maintenance/keep.ts', 'await begin().catch(expected)', 'await begin()')],
    test: 'test/simulation/maintenance.test.ts',
    named: 'comes back by itself when the engine was away',
  },
  {
    what: { en: 'a program is restarted while people are led to it', zh: '重启程序时仍将用户请求转发给它' },
    edits: [
      edit(
        'lib/domain/hot-release/hold.ts',
        'restartedInSight(facts, plan.ways).length === 0',
        'restartedInSight(facts, plan.ways).length >= 0',
      ),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'while a hot update restarts the scheduler',
  },
  {
    what: { en: 'whoever wants something else waits for a program that is not back', zh: '请求无限期等待未恢复的程序' },
    edits: [edit('lib/domain/hot-release/restart-step.ts', 'sleep(heldMs(plan.hold)', 'sleep(10 * heldMs(plan.hold)')],
    test: 'test/simulation/hold.test.ts',
    named: 'keeps nobody else waiting for longer than 20 s',
  },
  {
    what: { en: 'people are turned away sooner than they are let through', zh: '放行之前先把请求拒之门外' },
    edits: [
      edit('lib/domain/hot-release/restart.ts', 'Math.min(HELD_MS, Math.max(hold.atMost * 1000 - 1000, 0))', 'HELD_MS'),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'is let through before',
  },
  {
    what: { en: 'what is under way at a program uses up the hold', zh: '程序上进行中的请求耗尽暂存时间' },
    edits: [edit('lib/domain/hold/hold.ts', 'Math.min(facts.drainAtMost, RESTARTED_SECONDS)', 'facts.drainAtMost')],
    test: 'test/simulation/hold.test.ts',
    named: 'keeps the others waiting for 6 s',
  },
  {
    what: { en: 'a program is not brought back where requests can’t be held', zh: '无法暂存请求时不恢复程序' },
    edits: [edit('lib/domain/hot-release/restart-step.ts', 'hold.begin(ops, app, how)', 'hold.begin(ops, app)')],
    test: 'test/simulation/hold.test.ts',
    named: 'is brought back on the way back',
  },
  {
    what: { en: 'a program is taken for back before it listens', zh: '程序尚未监听就视为已恢复' },
    edits: [edit('lib/domain/app/workers.ts', 'ports.length > 0 && program.ports.length === 0', 'ports.length < 0')],
    test: 'test/unit/domain/app/workers.test.ts',
    named: 'takes a program that listened for back when it listens again',
  },
  {
    what: { en: 'a directory has another state by each of its names', zh: '部署目录换个路径就换了标识' },
    edits: [
      edit('lib/runs/command-line/deploy-dir.ts', 'path.join(realpathSync(target.dir),', 'path.join(target.dir,'),
    ],
    test: 'test/simulation/hold.test.ts',
    named: 'a run that was killed in the directory by another name',
  },
  {
    what: { en: 'rules of a directory that was moved stay', zh: '目录移动后, 残留规则不再清除' },
    edits: [edit('lib/domain/hold/lease.ts', ', ...notedIn(ops.paths)', '')],
    test: 'test/unit/domain/hold/lease.test.ts',
    named: 'takes away what a killed run left that noted',
  },
];

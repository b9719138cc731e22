import { asTyped } from '../../core/run.ts';
import { same, type Text } from '../../core/text.ts';
import type { Health } from '../../domain/app/health.ts';
import { isGunicorn } from '../../domain/app/programs.ts';
import { dropsWhenLeaving, recyclesTogether, recyclingCure, recyclingText } from '../../domain/app/recycling.ts';
import { asked } from '../../domain/app/vitals.ts';
import type { Workers } from '../../domain/app/workers.ts';
import { type Basis, type Check, checksOf, fail, nameOf, type Problem, WELL, warn } from './check.ts';
import { count, inside, line, list, ours, t, type } from './words.ts';

const check = checksOf('serving');

const logOf = (facts: Basis) =>
  `${facts.at.known ? facts.at.value.target.app.userdata : '/app/userdata'}/logs/gunicorn_error.log`;
const logEnd = (facts: Basis): Text => inside(nameOf(facts, 'app'), 'tail', '-n', '50', logOf(facts));

/** Both ways in are judged alike. */
const unhealthy =
  (name: 'basic' | 'deep') =>
  ({ health }: { readonly health: Health }, facts: Basis): Problem[] =>
    health.checks
      .filter((c) => c.name === name && !c.healthy)
      .map((c) => fail({ en: `${c.url}: ${c.text.en}`, zh: `${c.url}: ${c.text.zh}` }, logEnd(facts)));

const DOWN = [
  'gunicorn.web',
  'gunicorn.workers',
  'gunicorn.queue',
  'gunicorn.timeouts',
  'health.*',
  'routes.*',
  'ports.app',
  'container.health',
  'nginx.answers',
  'scheduler.*',
];

/** What else looks broken where no program serves. */
const WITHOUT_WEB = ['gunicorn.workers', 'gunicorn.queue', 'gunicorn.timeouts', 'supervisor.flapping'];

/** Of supervisor's states, why a program is in it. */
const STATES: Readonly<Record<string, Text>> = {
  STOPPED: t('stopped by hand, or never started', ' (被手动停止, 或从未启动)'),
  EXITED: t('it ended by itself', ' (自行退出)'),
  BACKOFF: t('it ends as soon as it is started; supervisor tries again', ' (启动后立即退出, supervisor 正在重试)'),
  FATAL: t('it could not be started, and supervisor has given up', ' (多次启动失败, supervisor 已放弃)'),
};

export const servingChecks: readonly Check[] = [
  check({
    id: 'app.inside',
    title: t('the application’s container can be looked into', '可以进入应用容器检查'),
    meaning: t(
      'Half of the checks could not be made. The container may hang, or lack its Python.',
      '近半数检查无法进行. 容器可能卡死, 或缺少 Python.',
    ),
    ask: ['containers'],
    also: ['vitals', 'programs'],
    judge({ containers }, facts) {
      const { vitals, programs } = facts;
      if (containers.app?.state !== 'running' || (vitals.known && programs.known)) return WELL;
      const why = vitals.known ? (programs.known ? same('') : programs.why) : vitals.why;
      return fail({ en: line(why.en), zh: line(why.zh) }, inside(containers.app.name, 'supervisorctl', 'status'));
    },
  }),
  check({
    id: 'supervisor.programs',
    title: t('every program of supervisor runs', 'supervisor 管理的程序全部运行中'),
    meaning: t(
      'nginx answers 502 for what the program serves; when it is nginx itself, nobody gets an answer.',
      '该程序负责的请求会返回 502; 若是 nginx 本身, 则完全无法访问.',
    ),
    ask: ['programs'],
    explains: DOWN,
    judge: ({ programs }, facts) =>
      programs
        .filter((p) => p.state !== 'RUNNING')
        .map((p): Problem => {
          const name = nameOf(facts, 'app');
          const start = ['supervisorctl', 'start', p.name];
          const why = STATES[p.state];
          const seen = t(`${p.name}: ${p.state}${why ? `, ${why.en}` : ''}`, `${p.name}: ${p.state}${why?.zh ?? ''}`);
          if (p.state === 'STARTING') return warn(seen, inside(name, 'supervisorctl', 'status'));
          const mend = [ours('adhoc/tail-logs.ts'), inside(name, ...start)];
          const fix = p.state === 'STOPPED' && name ? { fix: ['docker', 'exec', name, ...start] } : {};
          return { ...fail(seen, ...mend), ...fix };
        }),
  }),
  check({
    id: 'supervisor.flapping',
    title: t('no program was started again just now', '没有程序刚刚被重新拉起'),
    meaning: t(
      'It ended and was started again, while the container went on: it crashes, or somebody restarted it.',
      '容器未重启而程序重新启动过: 程序崩溃过, 或有人手动重启.',
    ),
    ask: ['programs', 'workers'],
    judge({ programs, workers }, facts) {
      const uptime = workers[0]?.workers.uptime;
      const now = programs.filter((p) => p.state === 'RUNNING' && p.start > 0);
      if (uptime === undefined || now.length === 0) return WELL;
      // A container's start starts all of them within seconds.
      const oldest = Math.min(...now.map((p) => p.start));
      const young = now.filter((p) => uptime - p.start < 60 && p.start - oldest > 120);
      return young.map((p) =>
        warn(
          t(
            `${p.name} runs for ${Math.round(uptime - p.start)} s only`,
            `${p.name} 仅运行了 ${Math.round(uptime - p.start)} 秒`,
          ),
          inside(nameOf(facts, 'app'), 'tail', '-n', '50', '/var/log/supervisord.log'),
        ),
      );
    },
  }),
  check({
    id: 'gunicorn.web',
    title: t('a program serves the application', '有程序在提供应用服务'),
    meaning: t(
      'Where nginx sends requests to, no program answers: none of them is served.',
      'nginx 转发的端口没有程序应答: 所有请求都得不到服务.',
    ),
    ask: ['programs', 'at'],
    also: ['vitals'],
    explains: [...DOWN.filter((id) => !id.startsWith('gunicorn.')), ...WITHOUT_WEB],
    judge({ programs, at }, facts) {
      const port = at.target.ports.direct;
      if (programs.some((p) => p.ports.includes(port))) return WELL;
      const { vitals } = facts;
      if (vitals.known && asked(vitals.value.queues)?.some((q) => q.port === port)) {
        return fail(
          t(
            `port ${port} is held by processes of no program, mostly what is left of a gunicorn that was killed. No other can listen there`,
            `端口 ${port} 被不属于任何程序的进程占用, 多为被强制终止的 gunicorn 残留的进程, 其他进程无法再监听`,
          ),
          type('docker', 'restart', nameOf(facts, 'app') ?? '?'),
        );
      }
      return fail(
        t(`no program listens on port ${port}`, `没有程序监听端口 ${port}`),
        logEnd(facts),
        inside(nameOf(facts, 'app'), 'supervisorctl', 'status'),
      );
    },
  }),
  check({
    id: 'gunicorn.workers',
    title: t('every gunicorn has workers that serve', '每个 gunicorn 都有可用的 worker'),
    meaning: t(
      'A worker that never finishes booting serves nobody: its import waits for something, or it dies and is started again and again.',
      'worker 一直未完成启动就无法处理请求: 导入卡住, 或反复退出又被拉起.',
    ),
    ask: ['workers'],
    explains: DOWN.filter((id) => !id.startsWith('gunicorn.')),
    judge: ({ workers }, facts) =>
      workers.flatMap(({ program, workers: { workers: all, uptime } }) => {
        const serving = all.filter((w) => w.state === 'serving').length;
        const logs = logEnd(facts);
        const hung = all.filter((w) => w.state === 'hung').length;
        const hang = hung === 0 ? same('') : t(`, ${hung} give no sign of life`, `, ${hung} 个已无响应`);
        const seen = t(
          `${program}: ${serving} of ${all.length} workers serve${hang.en}`,
          `${program}: ${all.length} 个 worker 中 ${serving} 个可用${hang.zh}`,
        );
        if (serving === 0) return fail(seen, logs);
        const late = all.filter((w) => w.state === 'booting' && uptime - w.start > 60);
        return late.length + hung === 0 ? [] : warn(seen, logs);
      }),
  }),
  check({
    id: 'gunicorn.queue',
    title: t('requests are accepted at once', '请求能被及时接收'),
    meaning: t(
      'Connections wait in the kernel, because every worker is busy or hangs. Health may still look well to whoever waits long enough.',
      '连接堆积在内核队列中: 所有 worker 都在忙或已卡死. 健康检查只要等得够久, 可能仍显示正常.',
    ),
    ask: ['vitals', 'programs'],
    explains: ['health.*', 'routes.*', 'container.health', 'nginx.answers'],
    judge({ vitals, programs }, facts) {
      const queues = asked(vitals.queues) ?? [];
      return queues
        .filter(({ waiting }) => waiting >= FEW_WAITING)
        .map(({ port, waiting }) => {
          const program = programs.find((p) => p.ports.includes(port))?.name;
          const seen = t(
            `${count(waiting, 'connection waits', 'connections wait')} for ${program ?? 'nobody that is known'} (port ${port})`,
            `${program ?? '未知程序'} (端口 ${port}) 有 ${waiting} 个连接在排队`,
          );
          const name = nameOf(facts, 'app');
          const again = asTyped(['docker', 'restart', name ?? '?']);
          return fail(
            seen,
            logEnd(facts),
            ours('adhoc/who-holds-locks.ts'),
            ...(program === undefined ? [] : [inside(name, 'supervisorctl', 'restart', program)]),
            t(`If that does not help: ${again}`, `若仍无效: ${again}`),
          );
        });
    },
  }),
  check({
    id: 'gunicorn.timeouts',
    title: t('no worker was killed in the last hour', '最近一小时没有 worker 被强制终止'),
    meaning: t(
      'A request took longer than gunicorn’s timeout; its worker was killed with all that it was doing. Mostly something outside does not answer: database lock, LDAP, a remote server.',
      '有请求超过 gunicorn 超时时间, worker 连同其上的请求被终止. 多为外部依赖无响应: 数据库锁、LDAP 或远端服务器.',
    ),
    ask: ['vitals'],
    judge({ vitals }, facts) {
      const log = asked(vitals.gunicorn_log);
      if (log === undefined || log.timeouts + log.killed + log.failed === 0) return WELL;
      const { timeouts, killed, failed } = log;
      return warn(
        t(
          `last hour: ${timeouts} timeouts, ${killed} killed from outside (memory?), ${failed} failed to boot`,
          `最近一小时: ${timeouts} 次超时, ${killed} 次被外部终止 (内存?), ${failed} 次启动失败`,
        ),
        inside(nameOf(facts, 'app'), 'grep', '-E', 'TIMEOUT|SIGKILL|signal 9|failed to boot', logOf(facts)),
        ours('adhoc/who-holds-locks.ts'),
      );
    },
  }),
  check({
    id: 'gunicorn.recycling',
    title: t('workers are not all replaced at the same time', 'worker 不会同时被回收'),
    meaning: t(
      'After max_requests a worker is replaced, and serves nobody while the next one boots. Workers of one age come to it within max_requests_jitter requests of each other: then nobody serves, and all requests wait for a boot.',
      'worker 处理满 max_requests 个请求后会被回收, 新 worker 启动期间不提供服务. 同时启动的 worker 会在相差不超过 max_requests_jitter 个请求时先后被回收: 此时没有 worker 可用, 所有请求都要等待一次启动.',
    ),
    ask: ['workers', 'programs', 'at', 'ours'],
    judge({ workers, programs, at, ours: { drill } }) {
      const web = programs.find((p) => p.ports.includes(at.target.ports.direct));
      const serving =
        workers.find((w) => w.program === web?.name)?.workers.workers.filter((w) => w.state === 'serving') ?? [];
      const recycling = web && recyclesTogether(web, serving.length);
      if (recycling === undefined) return WELL;
      const apart = spread(serving);
      if (apart > SAME_AGE_SECONDS) return WELL;
      const boot = drill?.took.boot == null ? '' : ` (${(drill.took.boot / 1000).toFixed(0)} s)`;
      const { en, zh } = recyclingText(recycling);
      return warn(
        t(
          `${serving.length} workers of ${web?.name} were started within ${apart.toFixed(1)} s; ${en}${boot}`,
          `${web?.name} 的 ${serving.length} 个 worker 在 ${apart.toFixed(1)} 秒内启动; ${zh}${boot}`,
        ),
        recyclingCure(recycling),
      );
    },
  }),
  check({
    id: 'gunicorn.leaving',
    title: t('workers that are replaced lose no connection', 'worker 被回收时不丢失连接'),
    meaning: t(
      'Threaded workers of gunicorn 21 to 23 take connections before they read them, and close those unread when they end (benoitc/gunicorn#3380): at each max_requests a request or two may get 502. A hot update takes care of it; max_requests does not.',
      'gunicorn 21–23 的线程 worker 先接受连接后读取, 退出时会直接关闭尚未读取的连接 (benoitc/gunicorn#3380): 每次达到 max_requests 可能有一两个请求返回 502. 热更新已规避此问题, max_requests 回收则不会.',
    ),
    ask: ['programs'],
    judge({ programs }) {
      const dropping = programs.filter((p) => {
        const { worker_class: kind = '', threads = 1, max_requests: most = 0 } = p.settings ?? {};
        // An update takes care where it is not known; a finding has to be known.
        return dropsWhenLeaving(p) && most > 0 && (/gthread/.test(kind) || (/sync/i.test(kind) && threads > 1));
      });
      if (dropping.length === 0) return WELL;
      const seen = dropping.map((p) => `${p.name}: gunicorn ${p.gunicorn}, max_requests ${p.settings?.max_requests}`);
      return warn(
        same(list(seen)),
        t(
          'Ask for gunicorn 24 or later where the application’s requirements are; until then max_requests = 0 in gunicorn.conf.py, when no memory leaks',
          '在应用依赖中要求 gunicorn 24 或更高版本; 在此之前若无内存泄漏, 在 gunicorn.conf.py 中设 max_requests = 0',
        ),
      );
    },
  }),
  check({
    id: 'scheduler.one',
    title: t('exactly one scheduler runs', '恰好有一个调度器在运行'),
    meaning: t(
      'With none, nothing is collected and no report is sent, and no page says so. With two, each task runs twice.',
      '没有调度器时, 采集和报告会全部停止, 且页面上看不出来. 有两个时, 每个任务都会执行两次.',
    ),
    ask: ['programs'],
    judge({ programs }, facts) {
      // supervisord itself has the variable, and hands it on: only a gunicorn's counts.
      const gunicorns = programs.filter((p) => isGunicorn(p) && p.state === 'RUNNING');
      const schedulers = gunicorns.filter((p) => p.scheduler === 'true');
      if (gunicorns.length === 0) return WELL;
      const name = nameOf(facts, 'app');
      if (schedulers.length === 0) {
        return fail(
          t('no gunicorn runs with the scheduler switched on', '没有 gunicorn 启用调度器'),
          inside(name, 'supervisorctl', 'status'),
        );
      }
      const workers = schedulers.reduce((n, p) => n + p.workers.length, 0);
      if (schedulers.length === 1 && workers <= 1) return WELL;
      return fail(
        t(
          `${schedulers.length} programs, ${workers} workers with the scheduler switched on`,
          `${schedulers.length} 个程序, ${workers} 个 worker 启用了调度器`,
        ),
        inside(name, 'supervisorctl', 'status'),
      );
    },
  }),
  check({
    id: 'nginx.answers',
    title: t('nginx and gunicorn answer inside the container', '容器内 nginx 与 gunicorn 均有应答'),
    meaning: t(
      'Not the network: it is broken inside. 0 is no answer at all, 502 to 504 are nginx’ own when gunicorn does not answer.',
      '与外部网络无关, 故障在容器内. 0 表示无应答, 502–504 表示 nginx 收不到 gunicorn 的应答.',
    ),
    ask: ['vitals', 'at'],
    explains: ['ports.app', 'health.*', 'routes.*', 'container.health'],
    judge({ vitals, at }, facts) {
      const bad = (asked(vitals.asked) ?? []).filter((a) => a.status === 0 || a.status >= 500);
      return bad.map(({ port, status }) =>
        fail(
          t(
            `inside, port ${port} answers ${status === 0 ? 'nothing' : status} (${port === at.target.ports.nginx ? 'nginx' : 'gunicorn'})`,
            `容器内端口 ${port} ${status === 0 ? '无应答' : `返回 ${status}`} (${port === at.target.ports.nginx ? 'nginx' : 'gunicorn'})`,
          ),
          inside(nameOf(facts, 'app'), 'tail', '-n', '30', '/var/log/nginx/error.log'),
          logEnd(facts),
        ),
      );
    },
  }),
  check({
    id: 'ports.app',
    title: t('every published port is open', '所有发布端口均可连接'),
    meaning: t(
      'Inside it may serve, but nobody gets there: the engine does not forward the port, or something stands in between.',
      '容器内可能正常, 但外部无法到达: 引擎未转发该端口, 或被其他东西占用或拦截.',
    ),
    ask: ['ports', 'containers'],
    explains: ['health.*', 'routes.*'],
    judge: ({ ports, containers }) =>
      ports
        .filter((p) => !p.open)
        .map((p) =>
          fail(
            t(
              `${p.hostIp}:${p.published} → ${p.target} of ${p.role} does not open`,
              `${p.role} 的 ${p.hostIp}:${p.published} → ${p.target} 无法连接`,
            ),
            type('docker', 'port', containers[p.role]?.name ?? '?'),
            type('ss', '-ltnp', `sport = :${p.published}`),
          ),
        ),
  }),
  check({
    id: 'health.basic',
    title: t('the basic health check passes through nginx', '经 nginx 的基础健康检查通过'),
    meaning: t(
      'As visitors come: nginx, then gunicorn. It touches neither database nor Redis.',
      '与访问者路径相同: nginx → gunicorn, 不涉及数据库与 Redis.',
    ),
    ask: ['health'],
    explains: ['routes.*', 'container.health'],
    judge: unhealthy('basic'),
  }),
  check({
    id: 'health.deep',
    title: t('the deep health check passes', '深度健康检查通过'),
    meaning: t(
      'The application itself says that it can’t use its database or Redis. It answers 200 all the same.',
      '应用自身报告数据库或 Redis 不可用, 但 HTTP 状态码仍为 200.',
    ),
    ask: ['health'],
    judge: unhealthy('deep'),
  }),
  check({
    id: 'routes.served',
    title: t('the page, its files, and every program’s routes are served', '页面、静态文件及各程序的路由均可访问'),
    meaning: t(
      'Health is well, and people still see an error: a page or file is missing or may not be read, or a program behind nginx does not answer.',
      '健康检查正常但用户仍看到错误: 页面或文件缺失、无权读取, 或 nginx 后的某个程序无应答.',
    ),
    ask: ['routes'],
    judge: ({ routes: { found } }, facts) =>
      found.flatMap(({ path, fault }) =>
        fault === undefined
          ? []
          : fail(
              { en: `${path}: ${fault.en}`, zh: `${path}: ${fault.zh}` },
              inside(nameOf(facts, 'app'), 'sh', '-c', 'tail -n 20 /var/log/nginx/*error.log'),
            ),
      ),
  }),
  check({
    id: 'routes.known',
    title: t('nginx’ configuration says where its routes lead', 'nginx 配置写明了各路由的去向'),
    meaning: t(
      'What it does not say plainly, no update can watch or prove: people may lose requests there, and nobody is told.',
      '配置未写明去向的路由, 更新时无法监测和验证: 即使有请求丢失也不会有提示.',
    ),
    ask: ['routes'],
    judge: ({ routes: { unwatched } }) => (unwatched ? warn(unwatched) : WELL),
  }),
  check({
    id: 'app.unreadable',
    title: t('nginx may read every page', 'nginx 有权读取所有页面文件'),
    meaning: t(
      'nginx’ workers may not read them: health is fine, and pages are 403 or 500. Mostly they came from a checkout under umask 077.',
      'nginx 工作进程无权读取: 健康检查正常, 页面返回 403 或 500. 多因代码检出时 umask 为 077.',
    ),
    ask: ['vitals', 'at'],
    explains: ['routes.*'],
    judge({ vitals, at }, facts) {
      const found = asked(vitals.unreadable);
      if (found === undefined || found.count === 0) return WELL;
      const pages = `${at.target.app.root}/${at.target.release.artefacts[0]?.to ?? ''}`;
      return fail(
        t(
          `${count(found.count, 'file or directory', 'files or directories')}, such as ${list(found.some, 2)}`,
          `${found.count} 个文件或目录, 如 ${list(found.some, 2)}`,
        ),
        inside(nameOf(facts, 'app'), 'chmod', '-R', 'a+rX', pages),
        t(
          'For good: umask 022 before git clone or git pull, then a rebuild.',
          '根治: git clone 或 git pull 前执行 umask 022, 然后重建.',
        ),
      );
    },
  }),
  check({
    id: 'app.memory',
    title: t('nothing in the container was killed for lack of memory', '容器内没有进程因内存不足被终止'),
    meaning: t(
      'The kernel killed a process of it. The engine’s own mark stays false while only a child dies; its control group counts all of them.',
      '内核终止过其中的进程. 仅子进程被终止时引擎不会标记 OOM, 此处读取的是 cgroup 计数.',
    ),
    ask: ['vitals', 'containers'],
    judge({ vitals, containers }) {
      const memory = asked(vitals.memory);
      if (memory === undefined) return WELL;
      const share = memory.limit && memory.used ? memory.used / memory.limit : 0;
      const full = `${Math.round(share * 100)} %`;
      const stats = type('docker', 'stats', '--no-stream', containers.app?.name ?? '?');
      if (memory.kills > 0)
        return warn(
          t(
            `${count(memory.kills, 'process', 'processes')} since its start${memory.limit ? `; now at ${full} of its limit` : ''}`,
            `启动以来 ${memory.kills} 个进程${memory.limit ? `; 当前使用内存上限的 ${full}` : ''}`,
          ),
          stats,
        );
      return share > 0.95 ? warn(t(`at ${full} of its limit`, `已使用内存上限的 ${full}`), stats) : WELL;
    },
  }),
  check({
    id: 'app.open-files',
    title: t('no process is near its limit of open files', '没有进程接近文件描述符上限'),
    meaning: t(
      'At the limit it can accept no connection and open no log: it hangs or answers 500.',
      '达到上限后无法接收连接或打开日志, 表现为卡死或返回 500.',
    ),
    ask: ['vitals'],
    judge({ vitals }, facts) {
      const files = asked(vitals.files);
      if (files === undefined || files.open < files.limit * 0.8) return WELL;
      return (files.open < files.limit * 0.95 ? warn : fail)(
        t(
          `process ${files.pid} has ${files.open} of ${files.limit} files open`,
          `进程 ${files.pid} 已打开 ${files.open}/${files.limit} 个文件`,
        ),
        inside(nameOf(facts, 'app'), 'ls', '-l', `/proc/${files.pid}/fd`),
      );
    },
  }),
];

/** A few wait at every moment where many come; these are more than a worker takes at once. */
const FEW_WAITING = 5;
const SAME_AGE_SECONDS = 30;

function spread(workers: Workers['workers']): number {
  const starts = workers.map((w) => w.start);
  return Math.max(...starts) - Math.min(...starts);
}

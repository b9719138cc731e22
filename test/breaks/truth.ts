import { type Break, edit } from './break.ts';

/** What is said to be released, changed or new is so: pages, what is built, the resolved configuration, `.env`, the commit. */
export const TRUTH: readonly Break[] = [
  {
    what: { en: 'a release is proved with a worker less than it is to have', zh: 'worker 缺失时仍判定验证通过' },
    edits: [edit('lib/domain/hot-release/prove.ts', 'return now.length < wanted ? undefined : now;', 'return now;')],
    test: 'test/simulation/update.test.ts',
    named: 'does not call a release proved that has lost a worker',
  },
  {
    what: { en: 'a service in the network of others is taken on', zh: '接受使用他人网络的服务' },
    edits: [edit('lib/domain/stack/replicas.ts', '/^(bridge)?$/', '/^/')],
    test: 'test/simulation/replicas.test.ts',
    named: 'refuses where a service is to be in the network of others',
  },
  {
    what: { en: 'a page is well served whatever its scripts are', zh: '不检查页面所引用的脚本' },
    edits: [edit('lib/domain/app/route-fault.ts', 'if (!type.includes(is)) return', "if (type === '') return")],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'is not content with a page whose script is missing',
  },
  {
    what: { en: 'an empty page, or another type, is a page', zh: '空页面或其他类型也视为页面正常' },
    edits: [edit('lib/domain/app/route-fault.ts', 'if (wrong) return wrong;', '')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'is not content with a page that is empty',
  },
  {
    what: { en: 'no routes are known, and nobody says so', zh: '无法得知路由时不作说明' },
    edits: [edit('lib/domain/app/agent/routes.py', 'if dump.returncode != 0:', 'if dump.returncode > 1:')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'is not known when nginx does not tell',
  },
  {
    what: { en: 'routes in included files are not known', zh: '不识别 include 文件中的路由' },
    edits: [edit('lib/domain/app/agent/routes.py', 'words[:1] == ["include"]', 'words[:1] == ["no"]')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'is read where a file includes another',
  },
  {
    what: { en: 'requests to pages and routes are not counted', zh: '不统计对页面与路由的请求' },
    edits: [edit('lib/domain/replacement/cutover.ts', 'watchedOf(facts.app?.served)', '[]')],
    test: 'test/simulation/served.test.ts',
    named: 'counts the requests to pages and to the scheduler',
  },
  {
    what: { en: 'a bad page goes unsaid when it was bad before', zh: '此前就有问题的页面不再提及' },
    edits: [edit('lib/core/verdict.ts', 'if (besides.length === 0) {', 'if (besides.length >= 0) {')],
    test: 'test/simulation/served.test.ts',
    named: 'says in its plan and in its verdict that a page was bad before, and is',
  },
  {
    what: { en: 'a release whose program can’t run is proved', zh: '有程序无法运行的版本仍视为成功' },
    edits: [edit('lib/domain/app/programs.ts', 'if (fallen.length > 0) throw', 'if (fallen.length < 0) throw')],
    test: 'test/simulation/served.test.ts',
    named: 'ends as before when a program that ran can’t be kept running',
  },
  {
    what: { en: 'only the former site’s routes are proved', zh: '只验证原站点配置中的路由' },
    edits: [edit('lib/domain/app/routes.ts', '[...now.routes, ...dropped];', '[...was.values()];')],
    test: 'test/simulation/served.test.ts',
    named: 'proves what the new site leads to as well',
  },
  {
    what: { en: 'a page that can’t be shown is found once people see it', zh: '放行之后才发现页面无法显示' },
    edits: [edit('lib/domain/app/serving.ts', '[healthy(1), requirePages(ops, app, before)]', '[healthy(1)]')],
    test: 'test/simulation/served.test.ts',
    named: 'ends as before when a page is bad that was not',
  },
  {
    what: { en: 'what stands between people and the container goes unseen', zh: '看不出应答者并非该容器' },
    edits: [edit('lib/domain/app/route-fault.ts', 'inside && !inside.silent ?', 'inside && inside.silent ?')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'by what is published',
  },
  {
    what: { en: 'requests by TLS are not counted', zh: '不统计 TLS 请求' },
    edits: [edit('lib/domain/app/find-routes.ts', 'of secureWays(ops.target, app, said.sites))', 'of [])')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'is the health check, where one site is both',
  },
  {
    what: { en: 'what is behind a redirect to TLS is not proved', zh: '不验证跳转到 TLS 之后的内容' },
    edits: [edit('lib/domain/app/find-routes.ts', 'const where = at && { at };', 'const where = {};')],
    test: 'test/unit/domain/app/routes.test.ts',
    named: 'is everything, where HTTP only leads there',
  },
  {
    what: { en: 'the drill lacks secrets and configs', zh: '演练缺少 secrets 与 configs' },
    edits: [edit('lib/domain/stack/compose-config.ts', '(list ?? []).map(', '[].map(')],
    test: 'test/unit/domain/stack/compose-config.test.ts',
    named: 'is known as what the container is given',
  },
  {
    what: { en: 'the oldest worker goes while its successor boots', zh: '新 worker 启动期间就让最旧的 worker 退出' },
    edits: [edit('lib/domain/app/agent/workers.py', 'now = settled(now, old)', 'pass')],
    test: 'test/processes/workers.test.ts',
    named: 'has the oldest leave when those that were made meanwhile serve',
  },
  {
    what: { en: 'a worker that its master told to go has died', zh: '主进程让其退出的 worker 视为异常退出' },
    edits: [
      edit(
        'lib/domain/hot-release/prove.ts',
        'log.includes(`Worker exiting (pid: ${pid})`)',
        "log.includes('Autorestarting')",
      ),
    ],
    test: 'test/unit/domain/hot-release/prove.test.ts',
    named: 'told by its master',
  },
  {
    what: { en: 'a mount over what is built goes unseen', zh: '看不到遮盖构建产物的挂载' },
    edits: [edit('lib/domain/release/hidden.ts', 'has(from) && !has(to)', 'has(from) && has(to)')],
    test: 'test/unit/domain/release/hidden.test.ts',
    named: 'is hidden by a mount over it, in it, or around it',
  },
  {
    what: { en: 'what is built counts as of the release’s sources', zh: '构建产物一律视为来自本版本源码' },
    edits: [
      edit(
        'lib/domain/release/artefact-stages.ts',
        'there[at] !== sources);',
        'there[at] !== undefined && there[at] !== sources);',
      ),
    ],
    test: 'test/unit/domain/release/artefact-stages.test.ts',
    named: 'knows from which sources a hot release brought',
  },
  {
    what: { en: 'COMPOSE_FILE in .env is passed over', zh: '忽略 .env 中的 COMPOSE_FILE' },
    edits: [edit('lib/tools/docker/compose-files.ts', 'named ?? inEnvFile(projectDirectory)', 'named ?? []')],
    test: 'test/unit/tools/docker/compose-files.test.ts',
    named: 'takes the files that .env names',
  },
  {
    what: { en: 'an override does not count against a hot update', zh: '热更新不考虑 override 带来的差异' },
    edits: [edit('lib/domain/release/compose-changes.ts', 'given(listed, ', "given('', ")],
    test: 'test/unit/domain/release/compose-changes.test.ts',
    named: 'by name and never by value',
  },
  {
    what: {
      en: 'a hot update goes into a container that compose would make otherwise now',
      zh: '容器与 compose 当前配置不一致时热更新仍继续',
    },
    edits: [edit('lib/domain/release/compose-drift.ts', 'if (hash === wouldBe ||', 'if (hash !== undefined ||')],
    test: 'test/simulation/update.test.ts',
    named: 'although no commit changed it',
  },
  {
    what: { en: 'what is behind a volume counts as released', zh: '被卷遮盖的文件视为已发布' },
    edits: [edit('lib/domain/release/hidden.ts', '=> isWithin(m.target, root) &&', "=> m.kind === 'bind' &&")],
    test: 'test/unit/domain/release/hidden.test.ts',
    named: 'sees a mount over files of the release',
  },
  {
    what: { en: 'a hot update goes on over a hidden mount', zh: '存在遮盖版本文件的挂载时热更新仍继续' },
    edits: [
      edit('lib/domain/hot-release/plan.ts', 'hidden.filter((h) => !h.isKept)', 'hidden.filter((h) => h.isKept)'),
    ],
    test: 'test/unit/domain/hot-release/plan.test.ts',
    named: 'refuses to call released what a mount hides',
  },
  {
    what: { en: 'services that stopped pass for running', zh: '已停止的同镜像服务被视为运行中' },
    edits: [
      edit(
        'lib/domain/stack/left-alone.ts',
        'const runs = UP.includes(state) ||',
        'const runs = state !== undefined ||',
      ),
    ],
    test: 'test/unit/domain/stack/left-alone.test.ts',
    named: 'which do not run',
  },
  {
    what: { en: 'a way back by image is silent about .env and mounts', zh: '按镜像回退的计划不提示 .env 改动与挂载' },
    edits: [
      edit(
        'lib/flows/rollback/messages.ts',
        "replacementWarnings(ops.target, facts, 'image')",
        "replacementWarnings(ops.target, facts, 'image').slice(9)",
      ),
    ],
    test: 'test/simulation/rollback.test.ts',
    named: 'plans a way back by image with what a rebuild would say',
  },
  {
    what: { en: 'what runs beside the application is not named', zh: '不列出应用之外正在运行的容器' },
    edits: [edit('lib/domain/stack/left-alone.ts', 'runs || code ===', "code === 'image' || code ===")],
    test: 'test/simulation/left-alone.test.ts',
    named: 'names what runs beside the application before it asks',
  },
  {
    what: {
      en: 'a service with a Dockerfile of its own passes for foreign',
      zh: '使用独立 Dockerfile 的服务被视为与仓库无关',
    },
    edits: [
      edit('lib/domain/stack/compose-config.ts', '(context === own || isWithin(context, dir))', 'context === dir'),
    ],
    test: 'test/unit/domain/stack/compose-config.test.ts',
    named: 'knows what the other services are made from',
  },
  {
    what: { en: 'a variable that was added to .env is not seen', zh: '看不到 .env 中新增的变量' },
    edits: [
      edit(
        'lib/domain/replacement/former-env.ts',
        'container[name] !== environment[name]);',
        'name in container && container[name] !== environment[name]);',
      ),
    ],
    test: 'test/simulation/apply-env.test.ts',
    named: 'sees a variable that was',
  },
  {
    what: { en: 'a variable counts as taken out that the image has', zh: '镜像仍带有的变量被视为已移除' },
    edits: [edit('lib/flows/apply-env/survey.ts', 'byImage[name] === has[name]', 'byImage[name] !== has[name]')],
    test: 'test/simulation/apply-env.test.ts',
    named: 'refuses to take a variable out where the image would bring it back',
  },
  {
    what: { en: 'one of several containers is released for all', zh: '多个容器只发布其中一个' },
    edits: [edit('lib/domain/stack/replicas.ts', 'up.length < 2)', 'up.length < 9)')],
    test: 'test/simulation/replicas.test.ts',
    named: 'refuses where several containers of the application serve',
  },
  {
    what: { en: 'what compose is to run several of counts as one', zh: '忽略 compose 配置的副本数' },
    edits: [edit('lib/domain/stack/replicas.ts', 'replicas > 1 ?', 'replicas > 9 ?')],
    test: 'test/simulation/replicas.test.ts',
    named: 'refuses where compose is to run several',
  },
  {
    what: { en: 'a container that came since the survey is removed', zh: '删除检查之后新增的容器' },
    edits: [edit('lib/domain/replacement/replace.ts', '  refuseReplicas(stack, { [role]: all });\n', '')],
    test: 'test/simulation/replicas.test.ts',
    named: 'does not remove one that was started after the survey',
  },
  {
    what: { en: 'pointers of git-lfs are released as files', zh: '把 git-lfs 指针当作文件发布' },
    edits: [
      edit('lib/domain/release/buildable.ts', 'if (pointers.length > 0) throw', 'if (pointers.length < 0) throw'),
    ],
    test: 'test/unit/domain/release/buildable.test.ts',
    named: 'refuses a commit that has pointers',
  },
  {
    what: { en: 'a changed .env is not told by a hot update', zh: '热更新不提示 .env 有改动' },
    edits: [
      edit(
        'lib/domain/replacement/former-env.ts',
        'return names.length > 0 ? { names, isKept: false } : undefined;',
        'return names.length < 0 ? { names, isKept: false } : undefined;',
      ),
    ],
    test: 'test/simulation/env.test.ts',
    named: 'tells a hot update what of .env it does not bring',
  },
  {
    what: { en: 'the container gets no commit', zh: '容器未写入提交号' },
    edits: [edit('lib/domain/replacement/create.ts', 'stampOf(ops.target, facts.checkout.commit)', '{}')],
    test: 'test/simulation/stamp.test.ts',
    named: 'gives a new container the commit',
  },
  {
    what: { en: 'going back keeps the newer commit', zh: '回退后仍上报较新的提交' },
    edits: [
      edit(
        'lib/domain/replacement/create.ts',
        'stampOf(ops.target, facts.checkout.commit)',
        'stampOf(ops.target, facts.app?.commit ?? facts.checkout.commit)',
      ),
    ],
    test: 'test/simulation/stamp.test.ts',
    named: 'goes back with the commit that runs then',
  },
  {
    what: {
      en: 'the commit in a container is taken for a change of the compose file',
      zh: '提交号被当作 compose 文件改动',
    },
    edits: [edit('lib/flows/rollback/definition.ts', 'names.filter((name) => !stamp.includes(name))', 'names')],
    test: 'test/simulation/stamp.test.ts',
    named: 'goes back with the commit that runs then',
  },
  {
    what: { en: '.env may hide the commit', zh: '.env 可覆盖提交号' },
    edits: [edit('lib/domain/env/stamp.ts', 'release.stamp.filter(defined)', 'release.stamp.filter(() => false)')],
    test: 'test/simulation/stamp.test.ts',
    named: 'refuses a line of .env',
  },
  {
    what: { en: 'a .env made of the example hides the commit', zh: '按示例生成的 .env 覆盖提交号' },
    edits: [edit('lib/domain/replacement/env-step.ts', ', randomBytes, ops.target.release.stamp)', ', randomBytes)')],
    test: 'test/simulation/stamp.test.ts',
    named: 'leaves it out of a .env',
  },
  {
    what: { en: 'a hot update is silent about the commit that is reported', zh: '热更新不说明上报的提交未变' },
    edits: [edit('lib/domain/env/stamp.ts', "given(release.stamp.join(', '), ", "given('', ")],
    test: 'test/simulation/stamp.test.ts',
    named: 'says before a hot update',
  },
  {
    what: { en: 'applying .env leaves the former commit', zh: '应用 .env 后仍上报原来的提交' },
    edits: [edit('scripts/apply-env.ts', ' && way.stamps.length === 0', '')],
    test: 'test/simulation/stamp.test.ts',
    named: 'says before a hot update',
  },
  {
    what: { en: 'that gunicorn preloads is found after the consent', zh: '确认之后才发现 gunicorn 启用了 preload_app' },
    edits: [edit('lib/domain/hot-release/restart.ts', 'web.settings?.preload_app || all.some', 'all.some')],
    test: 'test/unit/domain/hot-release/restart.test.ts',
    named: 'foretells a restart of the container where what runs preloads',
  },
  {
    what: { en: 'the container is restarted though nobody was asked', zh: '未经确认即重启容器' },
    edits: [
      edit(
        'lib/domain/hot-release/check.ts',
        '  requireAgreed(update.plan, { restart, ways }, options.direction);\n',
        '',
      ),
    ],
    test: 'test/simulation/update.test.ts',
    named: 'restarts no container that nobody was asked about',
  },
  {
    what: {
      en: 'a program is restarted though the plan said that its requests wait',
      zh: '计划称请求会等待, 实际却重启了程序',
    },
    edits: [edit('lib/domain/hot-release/restart.ts', ': restartedToo(agreed, found);', ': undefined;')],
    test: 'test/unit/domain/hot-release/restart.test.ts',
    named: 'is not exceeded',
  },
  {
    what: { en: 'the first program that inherits the variable is the scheduler', zh: '把首个继承变量的程序当作调度器' },
    edits: [
      edit(
        'lib/domain/app/programs.ts',
        'Number(!p.inherited) + Number(sameApplication(p))',
        'Number(sameApplication(p))',
      ),
    ],
    test: 'test/unit/domain/app/programs.test.ts',
    named: 'takes for the scheduler the gunicorn that was told so itself',
  },
  {
    what: { en: 'workers that end together are not told', zh: '不提示 worker 会同时被回收' },
    edits: [edit('lib/domain/app/recycling.ts', 'jitter >= most / 4 ?', 'jitter >= 0 ?')],
    test: 'test/unit/domain/hot-release/plan.test.ts',
    named: 'says beforehand that the new workers will end together',
  },
  {
    what: { en: 'a worker that hangs passes for one that serves', zh: '已卡死的 worker 被视为可用' },
    edits: [edit('lib/domain/app/agent/workers.py', '"hung" if beat >', '"serving" if beat >')],
    test: 'test/processes/workers.test.ts',
    named: 'tells workers apart',
  },
  {
    what: { en: 'an update is taken back because of a worker that hangs', zh: '因个别 worker 卡死而撤销更新' },
    edits: [edit('lib/domain/app/recycling.ts', 'Math.max(30, timeout, graceful_timeout)', '30')],
    test: 'test/simulation/update.test.ts',
    named: 'waits for an old worker that hangs',
  },
  {
    what: { en: 'workers that drop connections are told to end at once', zh: '会丢失连接的 worker 立即被通知退出' },
    edits: [edit('lib/domain/app/agent/workers.py', 'if ARGS.get("drops") and serving:', 'if False:')],
    test: 'test/e2e/leaving.e2e.test.ts',
    named: 'workers that close what they have taken are told to end when they hold nothing',
  },
  {
    what: { en: 'it is not looked whether workers drop connections', zh: '不判断 worker 退出时是否丢失连接' },
    edits: [edit('lib/domain/app/recycling.ts', '!(major >= 21 && major <= 23)', 'major > 0')],
    test: 'test/unit/domain/app/workers.test.ts',
    named: 'emptied before any is told to end',
  },
  {
    what: { en: 'a backup goes on although the check failed', zh: '检查失败后备份仍在继续' },
    edits: [edit('lib/domain/hot-release/check.ts', '  undo: async () => update.ahead?.stop(),\n', '')],
    test: 'test/simulation/update.test.ts',
    named: 'gives up the backup that has begun when the check fails',
    says: 'left running: whalefall-ops-throwaway',
  },
  {
    what: { en: 'a container that reports another commit is proved', zh: '容器上报其他提交也视为验证通过' },
    edits: [edit('lib/domain/env/stamp.ts', "return names === '' ? undefined :", 'return names ? undefined :')],
    test: 'test/simulation/stamp.test.ts',
    named: 'proves none that says another commit, neither forth nor back',
  },
  {
    what: { en: 'a migration that only the check tells waits for nobody', zh: '检查时才发现的迁移不等待占用锁的会话' },
    edits: [edit('lib/domain/hot-release/database.ts', 'if (migrates && migratesNothing(facts))', 'if (false)')],
    test: 'test/simulation/locked-table.test.ts',
    named: 'an update of which only the check tells that it migrates',
  },
  {
    what: { en: 'the time of a request is left to the garbage collector', zh: '请求的时限可能被垃圾回收' },
    edits: [
      edit(
        'lib/tools/http/within.ts',
        'ask(limit.signal)',
        'ask(AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]))',
      ),
    ],
    test: 'test/unit/tools/http/within.test.ts',
    named: 'ends in time, whatever the garbage collector takes',
  },
  {
    what: { en: 'a release is tried without its basic check', zh: '试运行新版本时不做基本健康检查' },
    edits: [edit('lib/domain/app/canary.ts', "{ nginx: 'http://canary', direct:", '{ direct:')],
    test: 'test/unit/domain/app/inside.test.ts',
    named: 'believes none whose basic check is bad, however well the deep one is',
  },
  {
    what: { en: 'a log that grows ends the commit of what runs', zh: '日志增长导致提交运行中的容器失败' },
    edits: [edit('lib/tools/docker/commit.ts', 'const TRIES = 3;', 'const TRIES = 1;')],
    test: 'test/unit/tools/docker/commit.test.ts',
    named: 'does it again when a file had grown meanwhile, and pauses only in the end',
  },
  {
    what: { en: 'a database that is starting is taken for unreadable', zh: '正在启动的数据库被视为不可读' },
    edits: [
      edit(
        'lib/domain/replacement/survey-data.ts',
        'if (output.exitCode !== NO_CONNECTION || ',
        'if (output.exitCode >= 0 || ',
      ),
    ],
    test: 'test/simulation/bad-input.test.ts',
    named: 'waits for a database that is starting when the survey comes, and reads it then',
  },
  {
    what: { en: 'files with other line ends are held to be changed by hand', zh: '换行符不同的文件被视为手工改动' },
    edits: [
      edit(
        'lib/domain/app/inventory.ts',
        'there.blob === had.blob || there.normalized?.includes(had.blob) === true',
        'there.blob === had.blob',
      ),
    ],
    test: 'test/unit/domain/app/inventory.test.ts',
    named: 'knows what git has in files that were checked out with other line ends, keywords and encodings',
  },
  {
    what: {
      en: 'a request that ended with the probe’s own standing still is called failed, or a long wait',
      zh: '探测进程自身被阻塞期间结束的请求被算作失败或长时间等待',
    },
    edits: [edit('lib/tools/http/probe.ts', 'const known = started > heldUpUntil ||', 'const known = started >= 0 ||')],
    test: 'test/unit/tools/http/probe.test.ts',
    named: 'believes nothing that ended with its being held up',
  },
  {
    what: {
      en: 'a release is tried as root where supervisord runs the program as another user',
      zh: 'supervisord 以其他用户运行程序时, 试运行仍使用 root',
    },
    edits: [edit('lib/domain/app/agent/as_web.py', 'another = uid != os.geteuid()', 'another = False')],
    test: 'test/e2e/gunicorn-settings.e2e.test.ts',
    named: 'tries a release as the user that supervisord has the web program run as',
  },
  {
    what: {
      en: 'gunicorn’s check loads the application as root where its workers are another user',
      zh: 'gunicorn 的 worker 使用其他用户时, 检查仍以 root 加载应用',
    },
    edits: [edit('lib/domain/app/agent/try_gunicorn.py', 'gunicorn.cfg.uid != os.geteuid()', 'gunicorn.cfg.uid == -1')],
    test: 'test/e2e/gunicorn-settings.e2e.test.ts',
    named: 'has the application loaded by whom gunicorn would have it loaded',
  },
  {
    what: {
      en: 'files that are put in place become root’s, whoever had the former ones',
      zh: '换入的文件一律归 root, 不论原文件属于谁',
    },
    edits: [edit('lib/domain/app/agent/place.py', 'if not source.startswith(ARGS["saved"] + os.sep):', 'if False:')],
    test: 'test/e2e/gunicorn-settings.e2e.test.ts',
    named: 'puts files in place as those of whom the image has made them',
  },
];

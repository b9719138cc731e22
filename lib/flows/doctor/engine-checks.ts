import { same, type Text } from '../../core/text.ts';
import { staysStopped } from '../../domain/replacement/stopped.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import { type Basis, type Check, checksOf, fail, WELL, warn } from './check.ts';
import type { ContainerFacts } from './facts.ts';
import { line, list, ours, t, type } from './words.ts';

const check = checksOf('engine');

const targetOf = ({ at }: Basis) => (at.known ? at.value.target : undefined);

const GUNICORN = ['gunicorn.web', 'gunicorn.workers', 'gunicorn.queue', 'gunicorn.timeouts'];

/** All that the application's container answers itself. */
const OF_APP = [
  'supervisor.*',
  ...GUNICORN,
  'scheduler.*',
  'nginx.*',
  'tls.*',
  'health.*',
  'routes.*',
  'ports.app',
  'app.*',
  'container.health',
  'container.restarts',
];

/** What the application can't do without its stores. */
const WITH_STORES = [
  'health.*',
  'routes.*',
  'release.schema',
  ...GUNICORN,
  'supervisor.*',
  'container.health',
  'container.restarts',
];

const WORDS: Readonly<Record<ServiceRole, { readonly name: Text; readonly explains: readonly string[] }>> = {
  app: { name: t('the application', '应用'), explains: OF_APP },
  postgres: { name: t('PostgreSQL', 'PostgreSQL '), explains: ['postgres.*', 'database.*', ...WITH_STORES] },
  redis: { name: t('Redis', 'Redis '), explains: ['redis.*', ...WITH_STORES] },
};

/** Whether a service's container runs, for each role alike. */
function containerCheck(role: ServiceRole): Check {
  const { name, explains } = WORDS[role];
  return check({
    id: `container.${role}`,
    title: t(`the container of ${name.en} runs, and it alone`, `${name.zh}容器正在运行, 且仅有一个`),
    meaning: t(
      `Nothing of ${name.en} works. Whatever else is broken below may be only that.`,
      `${name.zh}完全不可用, 下面列出的其他故障可能都由此引起.`,
    ),
    ask: ['containers', 'stack', 'at', 'replicas'],
    explains,
    judge({ containers, stack, at, replicas }) {
      const container = containers[role];
      const { key } = stack.services[role];
      const several = replicas[role];
      // What is asked may be any of them, and no script changes one.
      if (several) return fail(several.text, several.fix);
      const logs = (c: ContainerFacts) => type('docker', 'logs', '--tail', '50', c.name);
      if (container === undefined) {
        return fail(
          t(`service ${key} has no container`, `服务 ${key} 没有容器`),
          ours('deploy-prod-all.ts --data keep'),
          t(
            `quicker, where container.networks is well: ${composeTyped(at.target, 'up', '-d', '--no-deps', key)}`,
            `若 container.networks 正常, 也可以只启动它: ${composeTyped(at.target, 'up', '-d', '--no-deps', key)}`,
          ),
        );
      }
      const { state, exitCode, error, oomKilled, restartCount, moved } = container;
      if (state === 'running') return WELL;
      const why = oomKilled ? t(', killed for lack of memory', ', 因内存不足被终止') : same('');
      const said = error === '' ? '' : `: ${line(error)}`;
      const seen = t(
        `${container.name} is ${state}, exit code ${exitCode}${why.en}, restarted ${restartCount} times${said}`,
        `${container.name} 状态为 ${state}, 退出码 ${exitCode}${why.zh}, 已重启 ${restartCount} 次${said}`,
      );
      if (state === 'paused') {
        const unpause = ['docker', 'unpause', container.name];
        return { ...fail(seen, type(...unpause)), fix: unpause };
      }
      const start = ['docker', 'start', container.name];
      if (state === 'restarting') return fail(seen, logs(container));
      if (moved) {
        const { text, fix } = staysStopped(container, moved);
        return fail({ en: `${seen.en}. ${text.en}`, zh: `${seen.zh}. ${text.zh}` }, fix);
      }
      return { ...fail(seen, logs(container), type(...start)), fix: start };
    },
  });
}

export const engineChecks: readonly Check[] = [
  check({
    id: 'engine.answers',
    title: t('the Docker engine answers', 'Docker 引擎有响应'),
    meaning: t(
      'Nothing can be asked about containers. What runs may go on serving, but nothing restarts what falls.',
      '无法获取任何容器信息. 已运行的容器可能仍在服务, 但故障后不会被自动拉起.',
    ),
    ask: [],
    explains: ['engine.*', 'container.*', 'health.*', 'ports.*'],
    judge: (_, { engine }) =>
      engine.known
        ? WELL
        : fail(
            { en: line(engine.why.en), zh: line(engine.why.zh) },
            same('systemctl status docker; journalctl -u docker -n 50'),
            t(
              'Start it: systemctl start docker. Or run as a user who may use it: id, ls -l /var/run/docker.sock',
              '启动引擎: systemctl start docker. 或换用有权限的用户: id, ls -l /var/run/docker.sock',
            ),
          ),
  }),
  check({
    id: 'engine.local',
    title: t('the engine is this machine’s', '使用的是本机 Docker 引擎'),
    meaning: t(
      'Disk, files and requests that are judged here are not those of the machine where the containers run.',
      '此处检查的磁盘、文件和请求并不属于容器所在的机器.',
    ),
    ask: ['engine'],
    judge: ({ engine: { elsewhere } }) =>
      elsewhere === undefined
        ? WELL
        : fail(
            t(`docker talks to ${line(elsewhere)}`, `docker 连接的是 ${line(elsewhere)}`),
            t(
              'Run this on that machine, or: unset DOCKER_HOST; docker context use default',
              '请在该机器上运行, 或执行: unset DOCKER_HOST; docker context use default',
            ),
          ),
  }),
  check({
    id: 'engine.version',
    title: t('engine and compose are known to work', '引擎与 compose 版本受支持'),
    meaning: t(
      'Commands that operate the stack do not work with such a version as this tool expects.',
      '该版本下运维命令的行为可能与本工具的预期不一致.',
    ),
    ask: ['engine'],
    explains: ['stack.config'],
    judge({ engine: { version, compose } }) {
      if (compose === undefined) {
        return fail(
          t('there is no `docker compose`', '没有 docker compose 子命令'),
          t(
            'Install the package docker-compose-plugin; docker-compose 1.x will not do.',
            '请安装 docker-compose-plugin; docker-compose 1.x 不可用.',
          ),
        );
      }
      const old = [
        ...(isBelow(version, [20, 10]) ? [`engine ${version} < 20.10`] : []),
        ...(isBelow(compose, [2, 17]) ? [`compose ${compose} < 2.17`] : []),
      ];
      return old.length === 0
        ? WELL
        : warn(
            same(old.join(', ')),
            t(
              'Upgrade the packages docker-ce and docker-compose-plugin.',
              '请升级 docker-ce 与 docker-compose-plugin.',
            ),
          );
    },
  }),
  check({
    id: 'stack.config',
    when: 'next-restart',
    title: t('compose accepts the compose file with .env', 'compose 文件与 .env 可正常解析'),
    meaning: t(
      'No compose command works, so nothing can be made anew; what runs goes on.',
      '所有 compose 命令都会失败, 无法重建任何容器; 正在运行的不受影响.',
    ),
    ask: [],
    explains: ['container.*', 'env.drift'],
    judge: (_, facts) => {
      const { stack } = facts;
      const target = targetOf(facts);
      if (stack.known || target === undefined) return WELL;
      const typed = composeTyped(target, 'config', '--quiet');
      return fail({ en: line(stack.why.en), zh: line(stack.why.zh) }, same(typed));
    },
  }),
  check({
    id: 'stack.owner',
    title: t('this directory made the containers', '容器由本部署目录创建'),
    meaning: t(
      'Somebody operates the same project from another directory, with another .env: each undoes what the other did.',
      '同一项目正被另一个目录(另一份 .env)操作, 双方会互相覆盖.',
    ),
    ask: ['owners'],
    explains: ['container.app', 'container.postgres', 'container.redis'],
    judge: ({ owners: { others, moved, otherFiles, renamed, count } }) => {
      const [{ project: former = '' } = {}] = renamed;
      if (former && count === 0) {
        return fail(
          t(
            `runs as compose project ${line(former)}, which is not its name now`,
            `以 compose 项目 ${line(former)} 运行, 与当前项目名不符`,
          ),
          t(
            `Give the project its name back: COMPOSE_PROJECT_NAME=${line(former)} in .env`,
            `恢复项目名称: 在 .env 中设置 COMPOSE_PROJECT_NAME=${line(former)}`,
          ),
        );
      }
      const made = [...others, ...otherFiles].map((m) => `${m.name} (${m.dir})`);
      if (made.length > 0) {
        return fail(
          t(`made from elsewhere: ${list(made)}`, `由其他目录创建: ${list(made)}`),
          t(
            'Use that directory with --dir; or take them over: npx tsx scripts/deploy-prod-all.ts --data keep --adopt',
            '请用 --dir 指定该目录; 或接管: npx tsx scripts/deploy-prod-all.ts --data keep --adopt',
          ),
        );
      }
      const before = [...moved, ...renamed].map((m) => `${m.name} (${m.project}, ${m.dir})`);
      return before.length === 0
        ? WELL
        : warn(
            t(`made under a former name or place: ${list(before)}`, `以旧名称或旧目录创建: ${list(before)}`),
            t('Look whether they are still needed: docker ps -a', '请确认是否仍需要: docker ps -a'),
          );
    },
  }),
  ...(['app', 'postgres', 'redis'] as const).map(containerCheck),
  check({
    id: 'container.restarts',
    title: t('no container crashes and is started again', '没有容器反复崩溃重启'),
    meaning: t(
      'It runs now, but it ended by itself before. Each time its users had errors.',
      '目前在运行, 但此前曾自行退出, 每次都会造成请求失败.',
    ),
    ask: ['containers', 'at'],
    judge: ({ containers, at }) =>
      Object.values(containers).flatMap((c) => {
        const minutes = (at.now - Date.parse(c.startedAt)) / 60_000;
        if (c.restartCount === 0 || c.state !== 'running') return [];
        const seen = t(
          `${c.name} was restarted ${c.restartCount} times by the engine, last ${Math.round(minutes)} min ago`,
          `${c.name} 已被引擎重启 ${c.restartCount} 次, 最近一次在 ${Math.round(minutes)} 分钟前`,
        );
        const logs = type('docker', 'logs', '--tail', '200', c.name);
        return minutes < 10 ? fail(seen, logs) : warn(seen, logs);
      }),
  }),
  check({
    id: 'container.health',
    title: t('the engine calls every container healthy', '引擎报告所有容器健康'),
    meaning: t(
      'The container’s own health check failed as often in a row as its retries allow.',
      '容器自身的健康检查连续失败, 已达到重试次数.',
    ),
    ask: ['containers'],
    also: ['health'],
    judge: ({ containers }, { health }) =>
      Object.values(containers).flatMap((c) => {
        if (c.state !== 'running' || c.health !== 'unhealthy') return [];
        const last = line(c.checks.at(-1)?.said.slice(-150) ?? '');
        const history = type('docker', 'inspect', '-f', '{{json .State.Health.Log}}', c.name);
        // The engine looks every now and then: what it says is as old as its last look.
        const isWell = c === containers.app && health.known && health.value.healthy;
        return isWell
          ? warn(
              t(`${c.name} serves again; the engine has not looked since`, `${c.name} 已恢复服务, 引擎尚未再次检查`),
              history,
            )
          : fail(same(`${c.name}: ${last}`), history);
      }),
  }),
  check({
    id: 'container.restart-policy',
    when: 'next-restart',
    title: t('every container comes back after a reboot', '机器重启后所有容器都会自动恢复'),
    meaning: t(
      'After a reboot of the machine, or of the engine, it stays down until somebody starts it.',
      '机器或引擎重启后, 该容器会一直停止, 直到有人手动启动.',
    ),
    ask: ['containers'],
    judge: ({ containers }) =>
      Object.values(containers).flatMap((c) =>
        c.restartPolicy === 'no' || c.restartPolicy === 'on-failure'
          ? fail(
              t(`restart policy of ${c.name}: ${c.restartPolicy}`, `${c.name} 的重启策略为 ${c.restartPolicy}`),
              type('docker', 'update', '--restart', 'unless-stopped', c.name),
            )
          : [],
      ),
  }),
  check({
    id: 'container.mounts',
    when: 'next-restart',
    title: t('all that the containers mount is there', '容器挂载的文件与目录均存在'),
    meaning: t(
      'When it is started anew, the engine makes an empty directory of what is missing: the container starts without it, or not at all.',
      '容器重新启动时, 引擎会把缺失的路径创建为空目录: 容器会缺少该文件, 甚至无法启动.',
    ),
    ask: ['binds'],
    explains: ['nginx.next-start', 'env.*'],
    judge: ({ binds }) =>
      binds
        .filter((b) => b.why !== 'absent')
        .map((b) =>
          fail(
            b.why === 'gone'
              ? t(
                  `${b.source} is gone; ${b.service} has it mounted at ${b.target}`,
                  `${b.source} 已不存在, 但 ${b.service} 将其挂载到 ${b.target}`,
                )
              : t(
                  `${b.source} is a directory by now; ${b.service} has a file at ${b.target}`,
                  `${b.source} 现在是目录, 而 ${b.service} 在 ${b.target} 挂载的是文件`,
                ),
            t(`Put it back: ls -la ${line(b.source)}`, `请恢复该文件: ls -la ${line(b.source)}`),
          ),
        ),
  }),
  check({
    id: 'container.stale-mount',
    when: 'next-restart',
    title: t('mounted files are those of now', '挂载的文件与宿主机当前文件一致'),
    meaning: t(
      'An editor, sed -i or git put a new file in its place; the container goes on with the former one, and its next start takes the new one.',
      '编辑器、sed -i 或 git 用新文件替换了它, 容器内看到的仍是旧文件; 下次启动时才会读取新文件.',
    ),
    ask: ['mounts', 'containers'],
    explains: ['env.drift'],
    judge: ({ mounts, containers }) =>
      mounts
        .filter((m) => m.state === 'old')
        .map((m) =>
          warn(
            t(
              `${m.source} is another file than ${m.target} in ${containers.app?.name}`,
              `${m.source} 与 ${containers.app?.name} 内的 ${m.target} 已不是同一个文件`,
            ),
            t(
              'If the new file is right, have it take effect, tried before and with a way back: npx tsx scripts/deploy-prod-all.ts --data keep',
              '确认新内容无误后使其生效 (会先试运行, 且可回退): npx tsx scripts/deploy-prod-all.ts --data keep',
            ),
          ),
        ),
  }),
  check({
    id: 'container.networks',
    when: 'next-restart',
    title: t('the networks are as the compose file has them', '网络与 compose 文件中的定义一致'),
    meaning: t(
      'A plain docker compose up may take every container off that network to make it anew: nobody is served meanwhile. The scripts here leave it as it is.',
      '手工执行 docker compose up 可能会断开该网络中的所有容器并重建网络, 期间服务中断. 本工具的脚本不会改动网络.',
    ),
    ask: ['networks'],
    judge: ({ networks }) =>
      networks.map(({ name, differs }) => {
        const [network, what] = [line(name), differs.map(line).join(', ')];
        return warn(
          t(
            `network ${network} is declared in another way than it is (${what})`,
            `网络 ${network} 的现状与 compose 文件中的定义不同 (${what})`,
          ),
          t(
            'Correct the compose file, so that it says what there is. No docker compose down for it: that deletes the application’s container, and the userdata in it.',
            '请修改 compose 文件, 使其与现状一致. 不要为此执行 docker compose down: 它会删除应用容器及其中的 userdata.',
          ),
        );
      }),
  }),
  check({
    id: 'container.image',
    when: 'next-restart',
    title: t('a container made anew would have the same image', '重建容器时使用的镜像与当前一致'),
    meaning: t(
      'The name of the image means another one by now, or none: compose up makes a container of that, with other code, or fails.',
      '镜像名称已指向另一个镜像, 或镜像不存在: 下次 compose up 会用别的代码创建容器, 或直接失败.',
    ),
    ask: ['containers'],
    judge: ({ containers }) =>
      Object.values(containers).flatMap((c) => {
        if (c.wantedImageId === c.imageId) return [];
        const [is, wanted] = [c.imageId.slice(7, 19), c.wantedImageId?.slice(7, 19)];
        return wanted === undefined
          ? fail(
              t(`${c.name}: there is no image ${line(c.image)} any more`, `${c.name}: 镜像 ${line(c.image)} 已不存在`),
              type('docker', 'tag', c.imageId.slice(7, 19), c.image),
            )
          : warn(
              t(
                `${c.name} runs ${is}; ${line(c.image)} is ${wanted}`,
                `${c.name} 运行的是 ${is}, 而 ${line(c.image)} 为 ${wanted}`,
              ),
              ours('deploy-prod-all.ts --data keep --plan'),
            );
      }),
  }),
];

function isBelow(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, a = '0', b = '0'] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(a) < major || (Number(a) === major && Number(b) < minor);
}

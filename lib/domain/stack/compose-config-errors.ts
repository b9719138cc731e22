import type { OpsError } from '../../core/errors.ts';
import { misconfigured } from '../../core/refusal.ts';
import { asTyped } from '../../core/run.ts';
import { printable, type Text } from '../../core/text.ts';

export const missingComposeFile = (file: string) =>
  misconfigured(
    { en: `There is no compose file ${file}.`, zh: `找不到 compose 文件 ${file}.` },
    { en: 'Run in the deploy directory, or name it with --dir.', zh: '请在部署目录运行, 或用 --dir 指定.' },
  );

export const otherComposeFiles = (file: string, files: readonly string[]) =>
  misconfigured(
    {
      en: `COMPOSE_FILE names ${files.map(printable).join(', ')}, and ${file}, by which this stack is known here, is not among them.`,
      zh: `COMPOSE_FILE 指定了 ${files.map(printable).join(', ')}, 其中不含目标配置的 ${file}.`,
    },
    {
      en: 'If production is made of those files, name one of them in the target config (--config, "composeFile"). Otherwise take COMPOSE_FILE out of .env, or out of this terminal: unset COMPOSE_FILE',
      zh: '若生产环境确由这些文件定义, 请在目标配置中指定其一 (--config, "composeFile"). 否则请从 .env 中删除 COMPOSE_FILE, 或在当前终端执行 unset COMPOSE_FILE',
    },
  );

export const missingServices = (file: string, keys: readonly string[]) =>
  misconfigured(
    { en: `${file} has no service ${keys.join(', ')}.`, zh: `${file} 中缺少服务 ${keys.join(', ')}.` },
    {
      en: 'If the services have other names, give them in the target config (--config, "services").',
      zh: '若服务另有名称, 请在目标配置中指定 (--config, "services").',
    },
  );

/** Known by PGPORT, or by Redis' command line. */
export const otherPort = (file: string, role: 'postgres' | 'redis', port: string) =>
  misconfigured(
    {
      en: `By ${file}, ${role} listens on port ${printable(port)} in its container, and the target config says otherwise ("ports").`,
      zh: `按 ${file}, ${role} 在容器内监听端口 ${printable(port)}, 与目标配置 ("ports") 不一致.`,
    },
    role === 'postgres'
      ? {
          en: `Give PostgreSQL's port by PGPORT in the service's environment (not by -p: psql in the container would not find it), and the same in the target config (--config, "ports").`,
          zh: '请在服务的 environment 中用 PGPORT 指定 PostgreSQL 的端口 (不要用 -p, 否则容器内的 psql 找不到它), 并在目标配置中写同一端口 (--config, "ports").',
        }
      : {
          en: 'Give the same port in the target config (--config, "ports").',
          zh: '请在目标配置中写同一端口 (--config, "ports").',
        },
  );

export function noDatabaseVolume(file: string, key: string, data: string, where: 'bind' | 'layer'): OpsError {
  const what: Text =
    where === 'bind'
      ? {
          en: `${file}: service ${key} keeps its data (${data}) in a directory of the host, not in a named volume.`,
          zh: `${file}: 服务 ${key} 的数据 (${data}) 存放在宿主机目录中, 而不是命名卷.`,
        }
      : {
          en: `${file}: service ${key} has no named volume for ${data}; its data would be lost with the container.`,
          zh: `${file}: 服务 ${key} 没有为 ${data} 配置命名卷, 数据会随容器一起丢失.`,
        };
  return misconfigured(what, {
    en: `These scripts back up and delete by volume, so they need one: in ${file}, mount a named volume at ${data}. Back up first; existing data does not move by itself.`,
    zh: `脚本按卷进行备份和删除, 因此需要命名卷: 请在 ${file} 中把命名卷挂载到 ${data}. 先备份, 现有数据不会自动迁移.`,
  });
}

export const oddName = (file: string, name: string) =>
  misconfigured(
    {
      en: `${file}: the engine has no such name: '${printable(name)}'`,
      zh: `${file}: 引擎不接受这样的名称: '${printable(name)}'`,
    },
    {
      en: 'Names of services, volumes and images begin with a letter or digit; then also _ . - (images: / : @).',
      zh: '服务、卷和镜像的名称以字母或数字开头, 其后还可含 _ . - (镜像还可含 / : @).',
    },
  );

export const runsProvider = (file: string, key: string) =>
  misconfigured(
    {
      en: `${file}: service ${key} has a provider, a program that compose would run on this machine.`,
      zh: `${file}: 服务 ${key} 使用了 provider, compose 会在本机运行该程序.`,
    },
    { en: 'Give the service an image instead.', zh: '请改用镜像定义该服务.' },
  );

/** @param stderr what compose said; its secrets are redacted already. */
export function refused(file: string, stderr: string): OpsError {
  const typed = asTyped(['docker', 'compose', '-f', file, 'config', '-q']);
  if (/failed to read \S*\.env: /.test(stderr)) {
    return misconfigured(
      { en: 'docker compose can’t read .env.', zh: 'docker compose 无法读取 .env.' },
      {
        en: `See the findings about .env, or the line in: ${typed}`,
        zh: `请查看关于 .env 的检查结果, 或执行: ${typed}`,
      },
    );
  }
  const message = printable(lastLines(stderr));
  return misconfigured(
    { en: `docker compose refuses ${file}:\n${message}`, zh: `docker compose 无法解析 ${file}:\n${message}` },
    { en: `Correct it, then try: ${typed}`, zh: `修正后可执行以下命令检查: ${typed}` },
  );
}

/** The error itself; warnings about unset variables come before it and may be many. */
const lastLines = (stderr: string): string =>
  stderr
    .trim()
    .split('\n')
    .filter((line) => !/level=warning/.test(line))
    .slice(-12)
    .join('\n');

export const unknownShape = () =>
  misconfigured(
    {
      en: 'The output of `docker compose config` is not in a known form.',
      zh: 'docker compose config 的输出格式无法识别.',
    },
    { en: 'See the versions this tool was tested with in its README.', zh: '请参阅 README 中已测试的版本.' },
  );

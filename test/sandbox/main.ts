import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureEngine, removeBuildCacheIfOurs, stopEngineWeStarted } from './engine.ts';
import { ask, type Language, languageOf, SandboxError, say, speak, tell } from './run.ts';
import { createSandbox, Sandbox, type SandboxOptions } from './sandbox.ts';

const REPO = join(import.meta.dirname, '../..');
const ROOT = join(REPO, '.sandbox');

const HELP = {
  en: `npm run sandbox -- [options] [-- options of scripts/deploy-prod-all.ts]

Bring up a disposable miniature of the production stack on this machine, by running scripts/deploy-prod-all.ts on it.

  --install-docker  install a Docker engine if there is none, or start the one that is installed (Debian or Ubuntu, root)
  --port <number>   the first of five ports: web, application, PostgreSQL, Redis, TLS (default 18080)
  --like real       like the deployed application where that hurts: TLS, a built front end, slow imports, many files
  --down            remove the sandbox with its data and images, and stop the engine if the sandbox started it
  --keep-images     with --down: keep the engine and the base images, so that the next start is quick
  --lang en|zh      the language of messages (default: that of the locale)
  --help            show this text`,
  zh: `npm run sandbox -- [选项] [-- 传给 scripts/deploy-prod-all.ts 的选项]

在本机运行 scripts/deploy-prod-all.ts，部署一套可随时丢弃的微型生产环境。

  --install-docker  没有 Docker 引擎时自动安装，已安装而未运行时启动（Debian 或 Ubuntu，需 root）
  --port <数字>     五个连续端口的第一个：网页、应用、PostgreSQL、Redis、TLS（默认 18080）
  --like real       在棘手之处与真实应用一致：TLS、需构建的前端、缓慢的导入、大量文件
  --down            删除沙箱及其数据与镜像；引擎若由沙箱启动，也一并停止
  --keep-images     与 --down 合用：保留引擎与基础镜像，下次启动更快
  --lang en|zh      提示语言（默认取自系统区域设置）
  --help            显示本说明`,
};

/** Run the command line; answers the exit code. */
async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'install-docker': { type: 'boolean', default: false },
      port: { type: 'string', default: '18080' },
      like: { type: 'string', default: 'plain' },
      down: { type: 'boolean', default: false },
      'keep-images': { type: 'boolean', default: false },
      lang: { type: 'string', default: languageOf(process.env) },
      help: { type: 'boolean', default: false },
    },
  });
  const port = Number(values.port);
  const { like } = values;
  if (
    (like !== 'plain' && like !== 'real') ||
    !['en', 'zh'].includes(values.lang) ||
    !Number.isInteger(port) ||
    port < 1 ||
    port > 65531
  ) {
    console.error(HELP[languageOf(process.env)]);
    return 2;
  }
  speak(values.lang as Language);
  if (values.help) {
    console.log(tell(HELP));
    return 0;
  }
  const options: SandboxOptions = {
    name: 'whalefall-sandbox',
    root: ROOT,
    ports: { http: port, direct: port + 1, postgres: port + 2, redis: port + 3, https: port + 4 },
    like,
  };
  if (values.down) return takeDown(options, { keepImages: values['keep-images'], install: values['install-docker'] });
  return bringUp(options, values['install-docker'], ['--lang', values.lang, ...positionals]);
}

async function bringUp(options: SandboxOptions, install: boolean, extra: string[]): Promise<number> {
  await ensureEngine({ install });
  const sandbox = await createSandbox(options);
  const label = `label=com.docker.compose.project=${sandbox.project}`;
  // A second start finds data. Keeping it is the answer that can't do harm.
  const hasData = await ask('docker', 'volume', 'ls', '-q', '--filter', label);
  const data = hasData && !extra.some((arg) => arg.startsWith('--data')) ? ['--data', 'keep'] : [];
  const script = join(REPO, 'scripts/deploy-prod-all.ts');
  const code = await inForeground(['--import', 'tsx', script, '--dir', sandbox.deployDir, '--yes', ...data, ...extra]);
  const changed = !extra.some((arg) => ['--plan', '--dry-run', '--help', '--version'].includes(arg));
  if (code === 0 && changed) showWhatNext(sandbox);
  return code;
}

function inForeground(args: string[]): Promise<number> {
  // Ctrl-C reaches the script too: it undoes its work, and we wait for it.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  const child = spawn(process.execPath, args, { stdio: 'inherit', cwd: REPO });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

function showWhatNext(sandbox: Sandbox): void {
  say({
    en: `
The sandbox runs: ${sandbox.url} (health: ${sandbox.url}/api/v1/health)
Its deploy directory: ${sandbox.deployDir}
Try next:
  npm run sandbox                                                        deploy again, and keep the data
  npx tsx scripts/deploy-prod-all.ts --dir ${sandbox.deployDir} --plan   only show what would be done
  npm run sandbox -- --down                                              remove every trace`,
    zh: `
沙箱已运行：${sandbox.url}（健康检查：${sandbox.url}/api/v1/health）
部署目录：${sandbox.deployDir}
接下来可以：
  npm run sandbox                                                        再次部署并保留数据
  npx tsx scripts/deploy-prod-all.ts --dir ${sandbox.deployDir} --plan   只显示将要执行的步骤
  npm run sandbox -- --down                                              清除全部痕迹`,
  });
}

async function takeDown(options: SandboxOptions, { keepImages, install }: { keepImages: boolean; install: boolean }) {
  if (install) await ensureEngine({ install });
  if (!(await ask('docker', 'version', '-f', '{{.Server.Version}}'))) {
    throw new SandboxError({
      en: 'The Docker engine does not answer, so containers, volumes and images cannot be removed. Nothing was changed.',
      zh: 'Docker 引擎没有响应，无法删除容器、数据卷与镜像。未做任何更改。',
    });
  }
  await new Sandbox(options).down({ images: !keepImages });
  if (existsSync(ROOT) && readdirSync(ROOT).length === 0) rmdirSync(ROOT);
  if (!keepImages) {
    await removeBuildCacheIfOurs();
    await stopEngineWeStarted();
  }
  say({ en: 'The sandbox is gone.', zh: '沙箱已清除。' });
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof SandboxError) {
    console.error(error.message);
    process.exitCode = 3;
  } else if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    console.error(`${error.message}\n\n${HELP[languageOf(process.env)]}`);
    process.exitCode = 2;
  } else {
    console.error(error);
    process.exitCode = 1;
  }
}

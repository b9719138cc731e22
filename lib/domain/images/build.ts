import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { CommandError, run } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import { printable, type Text } from '../../core/text.ts';
import { build } from '../../tools/docker/compose.ts';
import { composeFiles } from '../../tools/docker/compose-files.ts';
import { lookUp } from '../../tools/docker/lookup.ts';
import { layContext } from '../release/build-context.ts';
import { movedTo, refuseUnbuildable } from '../release/buildable.ts';
import { resolveStack } from '../stack/compose-config.ts';
import type { Stack } from '../stack/stack.ts';

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/** What a build makes in the place of the service's own image, by the compose file that the commit has. */
export interface Apart {
  /** A compose project of its own. */
  readonly project: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A stage of the Dockerfile; without it, the last one or the compose file's own. */
  readonly stage?: string;
}

/**
 * Builds the application's image from exactly what git has at a commit, while whatever runs goes on serving, and returns its id. The
 * compose file is the deploy directory's unless it is built apart, and `.env` always.
 *
 * @param commit a full id.
 * @param apart leaves the service's own image alone.
 * @throws {OpsError} whatever {@link refuseUnbuildable} throws; `command` when the build failed.
 */
export async function buildImage(ops: Ops, stack: Stack, commit: string, apart?: Apart): Promise<string> {
  await refuseUnbuildable(ops, stack, commit);
  const { key, image, build: section } = stack.services.app;
  const scratch = path.join(ops.paths.run, 'build');
  mkdirSync(scratch, { mode: 0o700 });
  const proxies = PROXIES.filter((name) => ops.env[name] !== undefined);
  const log = path.join(ops.paths.run, 'build.log');
  const keep = (said: string) => writeFileSync(log, printable(ops.secrets.redact(said)), { mode: 0o600 });
  try {
    const context = path.join(scratch, 'context');
    await layContext(ops, stack, commit, context);
    const override = path.join(scratch, 'build.json');
    const of = apart ? await asCommitted(ops, stack, commit, context) : { target: ops.target, stack };
    writeFileSync(override, JSON.stringify(overriding(of.target, of.stack, context, apart)));
    const where = { ...(section && { override }), ...(apart && { project: apart.project }) };
    const output = await run(ops, build(of.target, key, proxies, where)).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      keep(error.output.stderr + error.output.stdout);
      throw buildFailed(error, log);
    });
    keep(output.stderr + output.stdout);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const id = await imageId(ops, apart?.image ?? image);
  if (id === undefined) throw new Error(`the build left no image ${apart?.image ?? image}`);
  return id;
}

/** The services as the commit's own compose file has them, if there is one in it, with the deploy directory's `.env`. */
async function asCommitted(ops: Ops, stack: Stack, commit: string, context: string) {
  const moved = composeFiles(ops.target).map((file) => path.resolve(context, path.relative(ops.target.dir, file)));
  if (!moved.every(existsSync)) return { target: ops.target, stack };
  const target = { ...ops.target, composeFile: moved[0] ?? '', composeFiles: moved };
  const committed = await resolveStack({ ...ops, target });
  await refuseUnbuildable(ops, committed, commit);
  return { target, stack: committed };
}

/** A compose file that says only what is another than in the deployed one: where the contexts are, and for whom it is. */
function overriding({ dir }: Target, stack: Stack, context: string, apart: Apart | undefined) {
  const { key, build: section } = stack.services.app;
  const moved = section && movedTo(context, section, dir);
  const build = {
    ...(moved && { context: moved.context, additional_contexts: moved.others }),
    ...(moved?.dockerfile !== undefined && { dockerfile: moved.dockerfile }),
    ...(apart && { labels: apart.labels }),
    ...(apart?.stage !== undefined && { target: apart.stage }),
  };
  return { services: { [key]: { build, ...(apart && { image: apart.image }) } } };
}

function buildFailed(error: CommandError, log: string): OpsError {
  const said = error.output.stderr + error.output.stdout;
  const missesFile = /failed to (?:compute cache key|calculate checksum)|(?:COPY|ADD) failed/.test(said);
  const step = failedStep(said);
  const what = (language: keyof Text) => [error.what[language], ...(step ? [step] : [])].join('\n');
  return new OpsError({
    kind: error.kind,
    what: { en: what('en'), zh: what('zh') },
    ...(error.state && { state: error.state }),
    next: [
      { en: `The build's full output: ${log}`, zh: `完整构建输出: ${log}` },
      ...(missesFile ? [ONLY_COMMITTED] : []),
    ],
    cause: error,
  });
}

const MOST_LINES = 12;

/**
 * What the step that failed said, as BuildKit repeats it between two lines of dashes. Newer ones show the Dockerfile's lines after it, so it is
 * not among the last lines.
 */
export function failedStep(said: string): string {
  const [, step = ''] = [...said.matchAll(/^-{6}\n( > \[[\s\S]*?)\n-{6}$/gm)].at(-1) ?? [];
  return printable(step.split('\n').slice(-MOST_LINES).join('\n'));
}

const ONLY_COMMITTED: Text = {
  en: 'A build sees what git has at the commit, and nothing else of the deploy directory. A directory that is built on this machine is declared in the target configuration (release.artefacts).',
  zh: '构建只能读取 git 提交中的文件, 看不到部署目录中的其他内容. 在本机生成的目录需在目标配置中声明 (release.artefacts).',
};

/** `undefined` when there is no such image. */
export async function imageId(ops: Ops, reference: string): Promise<string | undefined> {
  return (await lookUp(ops, 'image', '-f', '{{.Id}}', reference)).stdout.trim() || undefined;
}

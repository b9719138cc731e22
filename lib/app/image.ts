import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { OpsError } from '../errors.ts';
import { read } from '../host/command.ts';
import { build } from '../host/compose.ts';
import type { Ops } from '../host/ops.ts';
import { ask, CommandError, run } from '../host/run.ts';
import type { Stack } from '../target/stack.ts';
import { printable } from '../text.ts';

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];

/** Builds the application's image, while whatever runs goes on serving, and returns its id. */
export async function buildImage(ops: Ops, stack: Stack): Promise<string> {
  const { key, image } = stack.services.app;
  const proxies = PROXIES.filter((name) => ops.env[name] !== undefined);
  const log = path.join(ops.paths.run, 'build.log');
  const keep = (said: string) => writeFileSync(log, printable(ops.secrets.redact(said)), { mode: 0o600 });
  const output = await run(ops, build(ops.target, key, proxies)).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    keep(error.output.stderr + error.output.stdout);
    throw buildFailed(error, log);
  });
  keep(output.stderr + output.stdout);
  const id = await imageId(ops, image);
  if (id === undefined) throw new Error(`the build left no image ${image}`);
  return id;
}

const buildFailed = (error: CommandError, log: string) =>
  new OpsError({
    kind: error.kind,
    what: error.what,
    ...(error.state && { state: error.state }),
    next: [{ en: `All that the build said: ${log}`, zh: `完整构建输出: ${log}` }],
    cause: error,
  });

/** `undefined` when there is no such image. */
export async function imageId(ops: Ops, reference: string): Promise<string | undefined> {
  const inspect = read(['docker', 'image', 'inspect', '-f', '{{.Id}}', reference]);
  return (await ask(ops, inspect, [0, 1])) || undefined;
}

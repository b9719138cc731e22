import { statfsSync, statSync } from 'node:fs';
import os from 'node:os';
import type { Ops } from '../../core/ops.ts';
import { ask, read, run } from '../../core/run.ts';
import { same, type Text } from '../../core/text.ts';
import type { ServiceRole } from '../../domain/stack/stack.ts';
import type { ContainerFacts, Disk, HostFacts } from './facts.ts';

/** Less than this share free, and it is asked what fills the disk, which takes seconds. */
const SHORT = 0.15;

/** The engine's, where it does not answer: a full disk may be why. */
const USUAL_ROOT = '/var/lib/docker';

/** This machine, as its users see it. */
export async function hostFacts(
  ops: Ops,
  containers: Readonly<Partial<Record<ServiceRole, ContainerFacts>>>,
): Promise<HostFacts> {
  const { dir } = ops.target;
  const [root, clock] = await Promise.all([
    ask(ops, read(['docker', 'info', '-f', '{{.DockerRootDir}}'], { deadlineMs: 5_000 })).catch(() => ''),
    run(
      ops,
      read(['timedatectl', 'show', '-p', 'NTPSynchronized', '--value'], { deadlineMs: 3_000 }),
      [0, 1, 127],
    ).catch(() => undefined),
  ]);
  const disks = [dir, root || USUAL_ROOT].flatMap(diskOf);
  const short = disks.some((d) => d.free / d.size < SHORT);
  const { uid, mode } = statSync(dir);
  return {
    disks: disks.filter((d, at) => disks.findIndex((o) => o.size === d.size && o.free === d.free) === at),
    memory: memory(),
    load: os.loadavg()[1] ?? 0,
    cpus: os.cpus().length,
    owner: { uid, mine: process.getuid?.() === uid || process.getuid?.() === 0, openToOthers: (mode & 0o002) !== 0 },
    logs: Object.values(containers).flatMap(({ name, logLimited, logPath }) =>
      logLimited ? [] : [{ name, bytes: sizeOf(logPath) }],
    ),
    fills: short ? await whatFills(ops) : [],
    clockSynchronised: clock?.exitCode === 0 ? clock.stdout.trim() === 'yes' : undefined,
  };
}

function diskOf(path: string): Disk[] {
  try {
    const { blocks, bavail, bsize, files, ffree } = statfsSync(path);
    return [{ path, size: blocks * bsize, free: bavail * bsize, inodes: files, freeInodes: ffree }];
  } catch {
    return []; // not for this user
  }
}

function memory(): HostFacts['memory'] {
  return { total: os.totalmem(), available: os.freemem() };
}

function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch {
    return undefined; // only root may look there
  }
}

const KINDS: Readonly<Record<string, Text>> = {
  Images: { en: 'images', zh: '镜像' },
  Containers: { en: 'containers', zh: '容器' },
  'Local Volumes': { en: 'volumes', zh: '数据卷' },
  'Build Cache': { en: 'build cache', zh: '构建缓存' },
};

/** By the engine's own count; in units of 1000. */
async function whatFills(ops: Ops): Promise<HostFacts['fills']> {
  const format = '{{.Type}}\t{{.Size}}';
  const said = await ask(ops, read(['docker', 'system', 'df', '--format', format], { deadlineMs: 10_000 })).catch(
    () => '',
  );
  return said
    .split('\n')
    .flatMap((line) => {
      const [type = '', size = ''] = line.split('\t');
      const bytes = bytesOf(size);
      return bytes > 0 ? [{ what: KINDS[type] ?? same(type), bytes }] : [];
    })
    .sort((a, b) => b.bytes - a.bytes);
}

/** `1.2GB` */
export function bytesOf(text: string): number {
  const [, number = '0', unit = 'B'] = /^([\d.]+)\s*([kMGT]?B)$/.exec(text.trim()) ?? [];
  return Math.round(
    Number(number) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 }[unit as 'B' | 'kB' | 'MB' | 'GB' | 'TB'],
  );
}

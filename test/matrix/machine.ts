import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { $, ask, SandboxError, until } from '../sandbox/run.ts';
import type { Surrounding } from './surroundings.ts';
import { makeMachineTree, TREES } from './trees.ts';

const REPO = path.join(import.meta.dirname, '../..');

/**
 * What makes a tree the root of a process: all that is mounted is its own. A plain chroot will not do, because an engine starts processes
 * from a root of its own again.
 */
const BECOME_ROOT = `
set -euo pipefail
tree=$1 node=$2; shift 2
mount --make-rprivate /
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /sys "$tree/sys"
mount --rbind /dev "$tree/dev"
mount -t tmpfs tmpfs "$tree/run"
while [ "$1" != -- ]; do mkdir -p "$tree$1"; mount --bind "$1" "$tree$1"; shift; done
shift
touch "$tree$node"; mount --bind "$node" "$tree$node"
mkdir -p "$tree/.before"
cd "$tree"
pivot_root . .before
umount -l /.before
cd /
exec "$@"
`;

/** A machine of another release beside this one: its files, its engine, its network; only the kernel is the same. */
export class Machine {
  readonly #dir: string;
  readonly #of: NonNullable<Surrounding['machine']>;

  constructor(dir: string, of: NonNullable<Surrounding['machine']>) {
    this.#dir = dir;
    this.#of = of;
  }

  get #tree(): string {
    return path.join(this.#dir, 'tree');
  }

  get #network(): string {
    return `wfops-${path.basename(this.#dir)}`;
  }

  get #record(): string {
    return path.join(this.#dir, 'dockerd.pid');
  }

  /**
   * @param home is there under the same name, as is this repository.
   * @returns words before a command that runs there.
   */
  async start(home: string): Promise<string[]> {
    if (this.#pid() === undefined) await this.#boot(home);
    return this.#enter();
  }

  async remove(): Promise<void> {
    const pid = this.#pid();
    if (pid !== undefined) {
      process.kill(pid, 'SIGTERM');
      if (!(await until(60, async () => this.#pid() === undefined))) {
        throw new SandboxError({ en: `dockerd ${pid} does not end.`, zh: `dockerd ${pid} 没有结束.` });
      }
    }
    if (existsSync(`/run/netns/${this.#network}`)) await $`ip netns del ${this.#network}`;
    rmSync(this.#tree, { recursive: true, force: true });
  }

  async #boot(home: string): Promise<void> {
    if (!existsSync(this.#tree)) {
      const tar = await makeMachineTree(this.#of.suite);
      mkdirSync(this.#tree, { recursive: true });
      await $({ timeout: '300s' })`tar -xpf ${tar} -C ${this.#tree}`;
      writeFileSync(path.join(this.#tree, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    }
    const network = this.#network;
    if (!existsSync(`/run/netns/${network}`)) await $`ip netns add ${network} && ip -n ${network} link set lo up`;
    const log = openSync(path.join(this.#dir, 'dockerd.log'), 'a');
    const [program = '', ...words] = [
      ...['nice', '-n', '15', 'nsenter', `--net=/run/netns/${network}`, 'unshare', '-m'],
      ...['bash', '-c', BECOME_ROOT, 'become-root', this.#tree, process.execPath, REPO, home, TREES, '--'],
      ...['dockerd', ...this.#of.engine],
    ];
    const child = spawn(program, words, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
    closeSync(log);
    if (child.pid === undefined) throw new SandboxError({ en: 'dockerd did not start.', zh: '无法启动 dockerd.' });
    // It became dockerd: each of the words before it does nothing but start the next in its own place.
    writeFileSync(this.#record, String(child.pid));
    child.unref();
    const answers = async () => {
      // Before it is dockerd, it is in this machine still, whose engine would answer.
      if (this.#pid() === undefined) return false;
      const [enter = '', ...rest] = [...this.#enter(), 'docker', 'version', '-f', '{{.Server.Version}}'];
      return Boolean(await ask(enter, ...rest));
    };
    if (await until(60, answers)) return;
    const said = readFileSync(path.join(this.#dir, 'dockerd.log'), 'utf8').slice(-2000);
    throw new SandboxError({ en: `The engine does not answer:\n${said}`, zh: `引擎没有响应:\n${said}` });
  }

  #enter(): string[] {
    return ['nsenter', '-t', readFileSync(this.#record, 'utf8'), '-m', '-n', '--'];
  }

  /** Of the engine, while it runs. */
  #pid(): number | undefined {
    if (!existsSync(this.#record)) return undefined;
    const pid = readFileSync(this.#record, 'utf8');
    const [command = ''] = existsSync(`/proc/${pid}/cmdline`)
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      : [];
    return path.basename(command) === 'dockerd' ? Number(pid) : undefined;
  }
}

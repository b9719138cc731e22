import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Ops } from '../../../lib/core/ops.ts';
import { targetFor } from '../../../lib/core/target.ts';
import { type RequestHold, requestHold } from '../../../lib/domain/hold/hold.ts';
import { commentOf } from '../../../lib/domain/hold/rules.ts';
import { type HoldFacts, surveyHold } from '../../../lib/domain/hold/survey.ts';
import { type Container, inspectContainer } from '../../../lib/tools/docker/containers.ts';
import { realOps } from '../../support/real-ops.ts';
import { leftOf } from './left.ts';

const LANE = Number(process.env.SANDBOX_LANE ?? 0);
const NAME = `wfops-little${LANE}`;
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();

/** Published on all addresses of this machine. */
export const PORTS = { http: 28950 - LANE * 1000, direct: 28951 - LANE * 1000, https: 28952 - LANE * 1000 } as const;

/** A container that is replaced, without a stack around it: what is held is any container's. */
export class Little {
  readonly dir = mkdtempSync(path.join(os.tmpdir(), `${NAME}-`));
  readonly said: string[] = [];
  readonly ops: Ops;
  readonly #image: string;
  #count = 0;

  constructor(image: string) {
    this.#image = image;
    this.remove();
    mkdirSync(this.dir, { recursive: true });
    const base = realOps(this.dir);
    const plain = targetFor(this.dir);
    const show = (event: { text?: { en: string } }) => event.text && this.said.push(event.text.en);
    this.ops = {
      ...base,
      target: { ...plain, app: { ...plain.app, python: '/usr/bin/python3' } },
      net: { addresses: addressesHere } as unknown as Ops['net'],
      screen: { ...base.screen, show } as unknown as Ops['screen'],
    };
    const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', '-', '-out', '-'];
    execFileSync('sh', [
      '-c',
      `openssl req -x509 -newkey rsa:2048 -nodes ${subject.join(' ')} > ${this.dir}/certificate.pem 2> /dev/null`,
    ]);
    docker('network', 'create', NAME);
  }

  /** Made, not started: it publishes the same ports as the one before. */
  async create(boot = 0): Promise<{ readonly id: string; readonly name: string }> {
    this.#count += 1;
    const name = `${NAME}-app-${this.#count}`;
    const publish = Object.entries({ [PORTS.http]: 80, [PORTS.direct]: 5001, [PORTS.https]: 443 });
    const id = docker(
      ...['create', '--name', name, '--network', NAME, '-e', `NAME=${name}`, '-e', `BOOT=${boot}`],
      ...publish.flatMap(([host, port]) => ['-p', `${host}:${port}`]),
      ...['-v', `${path.join(import.meta.dirname, 'application.py')}:/application.py:ro`],
      ...['-v', `${this.dir}/certificate.pem:/certificate.pem:ro`],
      ...['--entrypoint', 'python3', this.#image, '/application.py'],
    );
    return { id, name };
  }

  async start({ id }: { readonly id: string }): Promise<Container> {
    docker('start', id);
    return inspectContainer(this.ops, id);
  }

  /** Started, and answers at its own address. */
  async serving(made: { readonly id: string }): Promise<Container> {
    const app = await this.start(made);
    const answers = () =>
      fetch(`http://${Object.values(app.addresses)[0]}/`).then(
        (r) => r.ok,
        () => false,
      );
    while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 50));
    return app;
  }

  stop({ id }: { readonly id: string }): void {
    docker('stop', '-t', '0', id);
  }

  async hold(app: Container, atMost = 60): Promise<{ readonly facts: HoldFacts; readonly hold: RequestHold }> {
    const facts = await surveyHold(this.ops, app, { wanted: true, atMost }, true);
    return { facts, hold: requestHold(facts) };
  }

  /** Whatever a test has started gives the ports back. */
  stopAll(): void {
    const ids = docker('ps', '-q', '--filter', `name=${NAME}-app-`).split('\n').filter(Boolean);
    if (ids.length > 0) docker('stop', '-t', '0', ...ids);
  }

  killDoorman(): void {
    docker('kill', docker('ps', '-q', '--filter', `name=${NAME}-.*-doorman`));
  }

  left(): string[] {
    return leftOf(NAME, commentOf(this.ops.paths));
  }

  remove(): void {
    const ids = docker('ps', '-aq', '--filter', `name=${NAME}-`).split('\n').filter(Boolean);
    if (ids.length > 0) docker('rm', '-f', ...ids);
    try {
      execFileSync('docker', ['network', 'rm', NAME], { stdio: 'ignore' });
    } catch {
      // not there
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function addressesHere(): string[] {
  return Object.values(os.networkInterfaces()).flatMap((all) => (all ?? []).map((a) => a.address));
}

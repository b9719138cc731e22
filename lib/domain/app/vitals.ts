import { z } from 'zod';
import type { Ops } from '../../core/ops.ts';
import { agent } from './agent.ts';

/** A part that could not be asked says why, in Python's words. */
const part = <T extends z.ZodType>(form: T) => z.union([z.object({ notAsked: z.string() }), form]);
const seconds = z.number();

const answer = z.object({
  nginx: part(
    z.object({
      /** `nginx -T` accepts what is on disk. */
      ok: z.boolean(),
      said: z.string(),
      certificates: z.array(z.object({ path: z.string(), pem: z.string() })),
      names: z.array(z.string()),
      /** When the youngest file of its configuration was changed. */
      changed: seconds.nullable(),
      /** When its oldest worker that serves was started: a reload replaces them. */
      read: seconds.nullable(),
    }),
  ),
  /** Connections that nobody has accepted yet. */
  queues: part(z.array(z.object({ port: z.int(), waiting: z.int() }))),
  memory: part(z.object({ kills: z.int(), limit: z.number().nullable(), used: z.number().nullable() })),
  /** Null: it is not there. */
  mounts: part(z.array(z.object({ path: z.string(), inode: z.number().nullable(), device: z.number().nullable() }))),
  /** Of the last hour. */
  gunicorn_log: part(z.object({ timeouts: z.int(), killed: z.int(), replaced: z.int(), failed: z.int() })),
  unreadable: part(z.object({ count: z.int(), some: z.array(z.string()) })),
  /** Of the front end; null where the application has none. */
  pages: part(z.object({ index: z.boolean(), changed: seconds.nullable() })).nullable(),
  /** Status 0: no answer. */
  asked: part(z.array(z.object({ port: z.int(), path: z.string(), status: z.int() }))),
  /** Byte code that runs though no source has it. */
  bytecode: part(z.object({ count: z.int(), some: z.array(z.string()) })),
  files: part(z.object({ pid: z.int(), open: z.int(), limit: z.number() })),
  now: seconds,
  /** When the container's first process was started. */
  started: seconds,
});

/** How the application's container is, seen from within. Times are seconds since the epoch. */
export type Vitals = z.infer<typeof answer>;

/** Which part of {@link Vitals} could be asked. */
export const asked = <T>(one: T): Exclude<T, { notAsked: string }> | undefined =>
  typeof one === 'object' && one !== null && 'notAsked' in one ? undefined : (one as Exclude<T, { notAsked: string }>);

/** @param mounts paths whose files are to be compared with this machine's. */
export function takeVitals(ops: Ops, container: string, mounts: readonly string[]): Promise<Vitals> {
  const { app, release, ports, health } = ops.target;
  const args = {
    mounts,
    logs: [`${app.userdata}/logs/gunicorn_error.log`],
    root: app.root,
    // Of no release: its byte code is what its package manager made.
    kept: [app.userdata, ...release.kept.map((name) => `${app.root}/${name}`), 'node_modules'],
    pages: `${app.root}/${release.artefacts[0]?.to ?? 'frontend/dist'}`,
    ask: [
      [ports.nginx, health.basic],
      [ports.direct, health.basic],
    ],
  };
  return agent(ops, container, 'vitals', { effect: 'read', args, answer, deadlineMs: 20_000 });
}

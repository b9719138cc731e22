import { z } from 'zod';
import { type RunOps, run } from '../../core/run.ts';
import { answerOf } from '../../core/tool-output.ts';
import { inspect } from './docker.ts';

/** What a container has been through, and what the engine is to do with it. */
export interface ContainerHistory {
  /** Name of its image, as it was made with. */
  readonly image: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly exitCode: number;
  /** The engine's words when it could not be started. */
  readonly error: string;
  readonly oomKilled: boolean;
  /** `no`, `always`, `unless-stopped`, `on-failure`. */
  readonly restartPolicy: string;
  /** Its log is thrown away at some size. */
  readonly logLimited: boolean;
  readonly logPath: string;
  /** The last checks of its health, oldest first. */
  readonly checks: readonly { readonly exitCode: number; readonly said: string }[];
  /** Of file mounts: this machine's file by the path inside. */
  readonly binds: Readonly<Record<string, string>>;
}

const inspected = z.array(
  z.object({
    Id: z.string(),
    LogPath: z.string().default(''),
    Config: z.object({ Image: z.string() }),
    State: z.object({
      StartedAt: z.string(),
      ExitCode: z.int(),
      Error: z.string().default(''),
      OOMKilled: z.boolean().default(false),
      Health: z
        .object({ Log: z.array(z.object({ ExitCode: z.int(), Output: z.string().default('') })).nullish() })
        .optional(),
    }),
    HostConfig: z.object({
      RestartPolicy: z.object({ Name: z.string() }),
      LogConfig: z.object({ Type: z.string(), Config: z.record(z.string(), z.string()).nullish() }),
    }),
    Mounts: z.array(z.object({ Type: z.string(), Source: z.string().optional(), Destination: z.string() })),
  }),
);

/** Drivers that write no file, or one that is bounded by itself. */
const BOUNDED = /^(none|local|journald|syslog|fluentd|gelf|awslogs|splunk|gcplogs|etwlogs|logentries)$/;

/** By id. @throws {CommandError} when one does not exist. */
export async function historyOf(ops: RunOps, ids: readonly string[]): Promise<ReadonlyMap<string, ContainerHistory>> {
  if (ids.length === 0) return new Map();
  const { stdout } = await run(ops, inspect(ids));
  return new Map(
    answerOf('docker inspect', inspected, stdout).map((c) => [
      c.Id,
      {
        image: c.Config.Image,
        startedAt: c.State.StartedAt,
        exitCode: c.State.ExitCode,
        error: c.State.Error,
        oomKilled: c.State.OOMKilled,
        restartPolicy: c.HostConfig.RestartPolicy.Name || 'no',
        logLimited: BOUNDED.test(c.HostConfig.LogConfig.Type) || Boolean(c.HostConfig.LogConfig.Config?.['max-size']),
        logPath: c.LogPath,
        checks: (c.State.Health?.Log ?? []).map((l) => ({ exitCode: l.ExitCode, said: l.Output.slice(-300) })),
        binds: Object.fromEntries(
          c.Mounts.filter((m) => m.Type === 'bind').map((m) => [m.Destination, m.Source ?? '']),
        ),
      },
    ]),
  );
}

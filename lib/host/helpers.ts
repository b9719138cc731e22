import path from 'node:path';
import type { Text } from '../text.ts';
import { asTyped, type Command, change, read } from './command.ts';
import { remove } from './docker.ts';
import type { Ops } from './ops.ts';
import { ask, CommandError, run } from './run.ts';

// Containers and networks that only a run needs. Their labels name the deploy directory's state, so that other directories' ones
// are left alone, and the run, so that a later one knows what an earlier one left behind when it was killed.
const OWNER_LABEL = 'whalefall-ops.state';
const RUN_LABEL = 'whalefall-ops.run';

const POLL_MS = 200;
const POLLS = 50;

/** `--label` flags for everything that a run makes for itself. */
export const ownerLabels = (ops: Pick<Ops, 'paths'>): string[] =>
  Object.entries({ [RUN_LABEL]: path.basename(ops.paths.run), [OWNER_LABEL]: ops.paths.state }).flatMap(
    ([key, value]) => ['--label', `${key}=${value}`],
  );

/** Removes a container, also when the run is being stopped. False, and a warning that says what to type, when it may still be there. */
export const discardContainer = (ops: Ops, container: string): Promise<boolean> => discard(ops, remove(container));

/** The same for a network; its containers go first. */
export const discardNetwork = (ops: Ops, network: string): Promise<boolean> => discard(ops, removeNetwork(network));

/** Removes what an earlier run of this deploy directory left behind. Call it under the lock. */
export async function discardStale(ops: Ops): Promise<void> {
  const stale = async (list: readonly string[]) => {
    const filter = ['--no-trunc', '--filter', `label=${OWNER_LABEL}=${ops.paths.state}`];
    const lines = await ask(ops, read([...list, ...filter, '--format', `{{.ID}} {{.Label "${RUN_LABEL}"}}`]));
    return lines.split('\n').flatMap((line) => {
      const [id = '', ...of] = line.split(' ');
      return id !== '' && of.join(' ') !== path.basename(ops.paths.run) ? [id] : [];
    });
  };
  for (const id of await stale(['docker', 'ps', '-a'])) await discardContainer(ops, id);
  for (const id of await stale(['docker', 'network', 'ls'])) await discardNetwork(ops, id);
}

const removeNetwork = (network: string): Command => change(['docker', 'network', 'rm', network]);

async function discard(ops: Ops, command: Command): Promise<boolean> {
  const calm = { ...ops, signal: new AbortController().signal };
  let failure: CommandError | undefined;
  for (let attempts = 0, polls = 0; attempts < 2; attempts += 1) {
    try {
      await run(calm, command);
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { stderr } = error.output;
      // Exit code 1 is an engine that does not answer as well.
      if (/no such (container|network)|network \S+ not found/i.test(stderr)) return true;
      if (/already in progress/i.test(stderr) && polls < POLLS) {
        polls += 1; // an ended container that was started with --rm
        attempts -= 1;
        await calm.clock.sleep(POLL_MS);
      }
      failure = error;
    }
  }
  const why: Text = failure?.what ?? { en: '', zh: '' };
  const typed = asTyped(command.argv);
  ops.screen.show({
    event: 'warning',
    text: {
      en: `A helper of this run may be left behind: ${why.en}`,
      zh: `本次运行的辅助容器或网络可能未被清理: ${why.zh}`,
    },
    fix: { en: `Once the engine answers: ${typed}`, zh: `待引擎恢复后执行: ${typed}` },
  });
  return false;
}

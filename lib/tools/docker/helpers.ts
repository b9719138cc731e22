import { allEnded } from '../../core/concurrency.ts';
import { type Ops, runName, uninterruptible } from '../../core/ops.ts';
import { ask, asTyped, type Command, CommandError, change, read, run } from '../../core/run.ts';
import { same, type Text } from '../../core/text.ts';
import { remove } from './docker.ts';

// Containers, networks and images that only a run needs. Their labels name the deploy directory's state, so that other directories' ones
// are left alone, and the run, so that a later one knows what an earlier one left behind when it was killed.
const OWNER_LABEL = 'whalefall-ops.state';
export const RUN_LABEL = 'whalefall-ops.run';
const ONE_OFF = 'com.docker.compose.oneoff';

const POLL_MS = 200;
const POLLS = 50;

/** Labels of everything that a run makes for itself. */
export const labelsOf = (ops: Pick<Ops, 'paths'>): Readonly<Record<string, string>> => ({
  [RUN_LABEL]: runName(ops),
  [OWNER_LABEL]: ops.paths.state,
});

/**
 * The same for a container or network. A container has its image's labels as well, and an image committed from the container of a service
 * has compose's own: without the last one a helper from it would be taken for the service.
 */
export const helperLabels = (ops: Pick<Ops, 'paths'>): Readonly<Record<string, string>> => ({
  ...labelsOf(ops),
  [ONE_OFF]: 'True',
});

/** {@link helperLabels} as `--label` flags. */
export const ownerLabels = (ops: Pick<Ops, 'paths'>): string[] =>
  Object.entries(helperLabels(ops)).flatMap(([key, value]) => ['--label', `${key}=${value}`]);

/** Removes a container, also when the run is being stopped. False, and a warning that says what to type, when it may still be there. */
export const discardContainer = (ops: Ops, container: string): Promise<boolean> => discard(ops, remove(container));

/** The same for a network; its containers go first. */
export const discardNetwork = (ops: Ops, network: string): Promise<boolean> => discard(ops, removeNetwork(network));

/** The same for an image; its containers go first. Another name that a person gave it keeps it. */
export const discardImage = (ops: Ops, image: string): Promise<boolean> =>
  discard(ops, change(['docker', 'image', 'rm', image]));

/**
 * Removes what earlier runs of this deploy directory left behind, and what a run that gives way still has. Call it under the lock
 * that keeps another such run from working.
 *
 * @param ofRun which runs are meant, by the name of their directory.
 */
export async function discardStale(ops: Ops, ofRun: (run: string) => boolean = () => true): Promise<void> {
  const stale = (found: Found) => found.filter(({ run }) => run !== runName(ops) && ofRun(run));
  const [containers, networks, images] = await allEnded([
    helperContainers(ops),
    helperNetworks(ops),
    imagesOfOwner(ops),
  ]);
  for (const { id } of stale(containers)) await discardContainer(ops, id);
  for (const { id } of stale(networks)) await discardNetwork(ops, id);
  for (const { id } of stale(images)) await discardImage(ops, id);
}

/** What this run has made for itself and what is still there, in words of the engine's commands. */
export async function remainsOfRun(ops: Ops): Promise<readonly string[]> {
  const found = [
    ...(await helperContainers(ops)).map((f) => ({ ...f, what: 'container' })),
    ...(await helperNetworks(ops)).map((f) => ({ ...f, what: 'network' })),
    ...(await imagesOfOwner(ops)).map((f) => ({ ...f, what: 'image' })),
  ];
  return found.filter(({ run }) => run === runName(ops)).map(({ what, id }) => `${what} ${id}`);
}

/** A container, network or image that a run of this deploy directory made for itself. */
export interface Helper {
  readonly id: string;
  /** The run's directory name. */
  readonly run: string;
}

type Found = readonly Helper[];

export const helperContainers = (ops: Ops): Promise<Found> => ofOwner(ops, ['docker', 'ps', '-a']);
export const helperNetworks = (ops: Ops): Promise<Found> => ofOwner(ops, ['docker', 'network', 'ls']);

async function ofOwner(ops: Ops, list: readonly string[]): Promise<Found> {
  const filter = ['--no-trunc', '--filter', `label=${OWNER_LABEL}=${ops.paths.state}`];
  return foundIn(await ask(ops, read([...list, ...filter, '--format', `{{.ID}} {{.Label "${RUN_LABEL}"}}`])));
}

/** The list of images can't show labels. */
async function imagesOfOwner(ops: Ops): Promise<Found> {
  const list = ['docker', 'image', 'ls', '-q', '--no-trunc', '--filter', `label=${OWNER_LABEL}=${ops.paths.state}`];
  const ids = [...new Set((await ask(ops, read(list))).split('\n').filter(Boolean))];
  if (ids.length === 0) return [];
  const format = `{{.Id}} {{index .Config.Labels "${RUN_LABEL}"}}`;
  return foundIn(await ask(ops, read(['docker', 'image', 'inspect', '-f', format, ...ids])));
}

const foundIn = (lines: string): Found =>
  lines.split('\n').flatMap((line) => {
    const [id = '', ...run] = line.split(' ');
    return id === '' ? [] : [{ id, run: run.join(' ') }];
  });

const removeNetwork = (network: string): Command => change(['docker', 'network', 'rm', network]);

async function discard(ops: Ops, command: Command): Promise<boolean> {
  const calm = uninterruptible(ops);
  let failure: CommandError | undefined;
  for (let attempts = 0, polls = 0; attempts < 2; attempts += 1) {
    try {
      await run(calm, command);
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { stderr } = error.output;
      // Exit code 1 is an engine that does not answer as well.
      if (/no such (container|network|image)|network \S+ not found/i.test(stderr)) return true;
      if (/already in progress/i.test(stderr) && polls < POLLS) {
        polls += 1; // an ended container that was started with --rm
        attempts -= 1;
        await calm.clock.sleep(POLL_MS);
      }
      failure = error;
    }
  }
  const why: Text = failure?.what ?? same('');
  const typed = asTyped(command.argv);
  ops.screen.show({
    event: 'warning',
    text: {
      en: `A helper of this run may be left behind: ${why.en}`,
      zh: `本次运行的辅助容器、网络或镜像可能未被清理: ${why.zh}`,
    },
    fix: { en: `Once the engine answers: ${typed}`, zh: `待引擎恢复后执行: ${typed}` },
  });
  return false;
}

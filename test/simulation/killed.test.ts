import { expect, it, vi } from 'vitest';
import { type Check, twice } from './model/again.ts';
import { type Deployment, deployment, type Ended, production } from './model/deployment.ts';
import type { How } from './model/faults.ts';
import { keepsData, runAndCheck } from './model/invariants.ts';
import { updateAndCheck } from './model/invariants-update.ts';
import { UPDATE, updatable } from './model/updatable.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEEP = ['--yes', '--data', 'keep'];
const HOT = ['--yes', '--soak', '2s'];

/** Something goes wrong at the last command like this, and the script is run again. */
async function at(
  command: RegExp,
  how: How,
  given: (made: Deployment) => Promise<unknown>,
  { args, check, script }: { args: readonly string[]; check: Check; script?: typeof UPDATE },
): Promise<Ended> {
  const [learned, d] = [deployment(), deployment()];
  await given(learned);
  await given(d);
  const { points } = await learned.run(args, script && { script });
  const point = points.findLast((p) => command.test(p.label));
  if (!point) throw new Error(`no command is like ${command}`);
  return check(d, args, { fault: { ...point, how }, ...(script && { script }) });
}

const rebuild = { args: KEEP, check: keepsData(twice(runAndCheck)) };
const update = { args: HOT, check: twice(updateAndCheck), script: UPDATE };

it.each([
  ['the new container was made', /compose .* up --no-start .* whalefall$/, 'killed-after'],
  ['userdata was to be put into it', /^docker cp - .*:\/app$/, 'killed'],
] as const)('userdata comes back after a rebuild that was killed when %s', async (_when, command, how) => {
  expect(await at(command, how, production, rebuild)).toMatchObject({ exitCode: 137, struck: true });
});

it('there are no more workers than before after an update that was killed while it replaced them', async () => {
  const given = (made: Deployment) => updatable({}, { made });
  // The question to the master in which the new workers are waited for.
  for (const how of ['killed', 'killed-after'] as const)
    expect(await at(/ workers$/, how, given, update)).toMatchObject({ exitCode: 137, struck: true });
});

it('an update that was killed when it had been proved is brought to its end', async () => {
  const given = (made: Deployment) => updatable({}, { made });
  const ended = await at(/update-ref .*refs\/whalefall-ops\/releases/, 'killed', given, update);
  expect(ended).toMatchObject({ exitCode: 137, struck: true });
});

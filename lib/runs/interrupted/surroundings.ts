import { whatHappened } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import type { Row } from '../../core/screen.ts';
import { headline, printable, same, type Text } from '../../core/text.ts';
import { readMarker } from '../../domain/app/marker.ts';
import { resolveStack } from '../../domain/stack/compose-config.ts';
import { findContainers } from '../../domain/stack/containers.ts';
import type { Container } from '../../tools/docker/containers.ts';
import { helperContainers, helperNetworks } from '../../tools/docker/helpers.ts';

/** What is there now, as far as the engine says it at once: each service, the release in the application, what runs left. Never throws. */
export async function lookAround(ops: Ops): Promise<Row[]> {
  const [services, helpers] = await Promise.all([
    orWhy(ops, servicesNow(ops), { en: 'services', zh: '服务' }),
    orWhy(ops, helpersNow(ops), { en: 'left behind', zh: '残留' }),
  ]);
  return [...services, ...helpers];
}

async function servicesNow(ops: Ops): Promise<Row[]> {
  const stack = await resolveStack(ops);
  const found = await findContainers(ops, stack);
  const { app } = found;
  const marker = app?.state === 'running' ? await readMarker(ops, app.id) : undefined;
  const release: Row[] = marker
    ? [[{ en: 'release', zh: '版本' }, same(`${marker.commit.slice(0, 10)} (${printable(marker.run)})`)]]
    : [];
  const services = Object.entries(stack.services).map(
    ([role, { key }]): Row => [same(printable(key)), stateOf(found[role as keyof typeof found])],
  );
  return [...services, ...release];
}

function stateOf(container: Container | undefined): Text {
  if (container === undefined) return { en: 'no container', zh: '无容器' };
  const health = container.state === 'running' && container.health !== '' ? `, ${container.health}` : '';
  return same(`${container.state}${health}`);
}

async function helpersNow(ops: Ops): Promise<Row[]> {
  const found = await Promise.all([helperContainers(ops), helperNetworks(ops)]);
  const left = found.flat().map(({ id, run }) => `${id.slice(0, 12)} (${run})`);
  return left.length > 0 ? [[{ en: 'left behind', zh: '残留' }, same(printable(left.join(', ')))]] : [];
}

async function orWhy(ops: Ops, rows: Promise<Row[]>, label: Text): Promise<Row[]> {
  try {
    return await rows;
  } catch (error) {
    ops.signal.throwIfAborted();
    const { en, zh } = headline(whatHappened(error));
    return [[label, { en: `not known: ${en}`, zh: `未知: ${zh}` }]];
  }
}

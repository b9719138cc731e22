import { request } from './app.ts';
import type { Container, Engine } from './engine.ts';

/** What a request to whoever answers at a port meets: the application, or a doorman, who may let it wait. */
export function throughDoor(
  engine: Engine,
  { container, target }: { readonly container: Container; readonly target: number },
  path: string,
): Response | 'waits' | undefined {
  const { doorman } = container;
  if (doorman === undefined) return request(engine, container, target, path);
  if (container.state !== 'running') return undefined;
  if (doorman.shut) return new Response('', { status: 503 });
  const behind = doorman.to === undefined ? undefined : engine.at(doorman.to);
  return (behind && request(engine, behind, target, path)) ?? 'waits';
}

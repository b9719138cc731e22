import { expect, it } from 'vitest';
import { serviceReasons } from '../../../../lib/domain/release/compose-changes.ts';
import type { Resolved } from '../../../../lib/domain/release/resolved.ts';

const project = (app: object, more: object = {}): Resolved =>
  ({ services: { whalefall: { image: 'whalefall:prod', ...app }, other: { image: 'other' } }, ...more }) as Resolved;
const why = (then: Resolved, now: Resolved) =>
  serviceReasons('compose.yml', 'whalefall', then, now).map(({ why: { en } }) => en.replace(/ would be.*/, ''));

it('wants a new container for what compose makes otherwise of the service, by name and never by value', () => {
  const then = project({ environment: { A: 'secret-1', B: '1' }, ports: ['80'] });
  const now = project({ environment: { A: 'secret-2', B: '1' }, ports: ['81'] });
  expect(why(then, now)).toEqual(['whalefall.environment.A, whalefall.ports']);
});

it('wants one for a network that the service uses and that is another, and for no other service', () => {
  const uses = { networks: { front: null } };
  expect(
    why(project(uses, { networks: { front: {} } }), project(uses, { networks: { front: { internal: true } } })),
  ).toEqual(['whalefall.networks.front']);
  const then = project({});
  expect(why(then, { ...then, services: { ...then.services, other: { image: 'another' } } })).toEqual([]);
});

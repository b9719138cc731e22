import { expect, it } from 'vitest';
import { repositoryOf } from '../../../../lib/domain/images/running.ts';

it.each([
  ['whalefall', 'whalefall'],
  ['whalefall:prod', 'whalefall'],
  ['registry.example:5000/team/whalefall', 'registry.example:5000/team/whalefall'],
  ['registry.example:5000/team/whalefall:prod', 'registry.example:5000/team/whalefall'],
  [`postgres@sha256:${'a'.repeat(64)}`, 'postgres'],
  [`postgres:15-alpine@sha256:${'a'.repeat(64)}`, 'postgres'],
])('the repository of %s', (image, repository) => {
  expect(repositoryOf(image)).toBe(repository);
});

import { expect, it } from 'vitest';
import { otherSources, outputOf } from '../../../../lib/domain/release/artefact-stages.ts';
import { testOps } from '../../../support/ops.ts';

const PLACE = '/app/frontend/dist';
const dockerfile = (...last: readonly string[]) =>
  ['FROM node:20 AS frontend-build', 'WORKDIR /build', 'RUN npm run build', '', 'FROM python:3.12', ...last].join('\n');

it.each([
  ['an absolute place', ['COPY --from=frontend-build /build/dist /app/frontend/dist']],
  ['a slash at the ends', ['COPY --from=frontend-build /build/dist/ /app/frontend/dist/']],
  ['a place below the working directory', ['WORKDIR /app', 'COPY --from=frontend-build /build/dist frontend/dist']],
  [
    'working directories one below the other',
    ['WORKDIR /app', 'WORKDIR frontend', 'COPY --from=frontend-build /build/dist dist'],
  ],
  ['the stage by its number', ['COPY --from=0 /build/dist /app/frontend/dist']],
  ['the stage in capitals', ['copy --from=FRONTEND-BUILD /build/dist /app/frontend/dist']],
  ['an owner', ['COPY --chown=www-data:www-data --from=frontend-build /build/dist /app/frontend/dist']],
  ['JSON words', ['COPY --from=frontend-build ["/build/dist", "/app/frontend/dist"]']],
  ['a line that goes on', ['COPY --from=frontend-build \\', '  # why', '  /build/dist \\', '  /app/frontend/dist']],
  ['a directory above it', ['COPY --from=frontend-build / /app/frontend'], '/dist'],
  [
    'the last of two',
    ['COPY --from=frontend-build /old /app/frontend/dist', 'COPY --from=frontend-build /new /app/frontend/dist'],
    '/new',
  ],
  ['another stage', ['COPY --from=docs-build /build/dist /app/frontend/dist'], 'nowhere'],
  ['another place', ['COPY --from=frontend-build /build/dist /app/frontend/dist-old'], 'nowhere'],
  ['nothing of it', ['COPY . /app'], 'nowhere'],
  ['a comment', ['# COPY --from=frontend-build /build/dist /app/frontend/dist'], 'nowhere'],
] as const)('finds in the stage what the image copies from it: %s', (_what, last, output: string = '/build/dist') => {
  expect(outputOf(dockerfile(...last), 'frontend-build', PLACE)?.replace(/\/$/, '')).toBe(
    output === 'nowhere' ? undefined : output,
  );
});

it('follows the stages that the last one is built upon', () => {
  const text = `FROM node AS frontend-build
FROM python AS base
WORKDIR /app
COPY --from=frontend-build /build/dist frontend/dist
FROM python AS tests
COPY --from=frontend-build /wrong /app/frontend/dist
FROM base AS production
CMD ["start"]
`;
  expect(outputOf(text, 'frontend-build', PLACE)).toBe('/build/dist');
});

it('follows the stage that compose builds, which need not be the last', () => {
  const text = `FROM node AS frontend-build
FROM python AS Production
COPY --from=frontend-build /build/dist /app/frontend/dist
FROM python AS tests
COPY . /app
`;
  const at = (target?: string) => outputOf(text, 'frontend-build', PLACE, target)?.replace(/\/$/, '');
  expect(at('production')).toBe('/build/dist');
  expect(at('1')).toBe('/build/dist');
  expect(at('tests')).toBe(undefined);
  expect(at('nowhere')).toBe(undefined);
  expect(at()).toBe(undefined);
});

it('knows nothing of a stage that is not there', () => {
  expect(outputOf(dockerfile('COPY --from=frontend-build /d /app/frontend/dist'), 'web-build', PLACE)).toBe(undefined);
  expect(outputOf('', 'frontend-build', PLACE)).toBe(undefined);
});

it('knows from which sources a hot release brought what is built, and of nothing else', async () => {
  const artefact = { from: 'frontend/', to: 'frontend/dist', stage: 'frontend-build', made: '/d', sources: 'now' };
  const files = new Map([['frontend/dist/index.html', { mode: '100644', blob: 'b' }]]);
  const ops = testOps(() => undefined);
  const others = (from: string) => {
    const marker = { commit: 'a'.repeat(40), run: 'a run', hot: true, artefacts: { 'frontend/dist': from } };
    return otherSources(ops, [artefact], marker, files);
  };
  expect(await others('now')).toEqual([]);
  expect(await others('then')).toEqual([artefact]);
  expect(await otherSources(ops, [artefact], undefined, files)).toEqual([artefact]);
});

import { $ } from './run.ts';

/**
 * Remove everything that compose made for one project, found by its label, never by a part of a name. Works without the
 * compose file, which a test may have broken. `imageName` is the app image's repository: other tags of it go too, and the names that the scripts give to
 * what runs.
 */
export async function removeProject(project: string, imageName: string): Promise<void> {
  const label = `label=com.docker.compose.project=${project}`;
  await each(['ps', '-aq', '--filter', label], ['rm', '-f', '-v']);
  await each(['network', 'ls', '-q', '--filter', label], ['network', 'rm']);
  await each(['volume', 'ls', '-q', '--filter', label], ['volume', 'rm', '-f']);
  await each(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', imageName], ['image', 'rm', '-f']);
  const named = ['postgres', 'redis', 'whalefall'].flatMap((service) => [
    '--filter',
    `reference=whalefall-ops-running:${project}-${service}`,
  ]);
  await each(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', ...named], ['image', 'rm', '-f']);
  await each(['image', 'ls', '-q', '--filter', label], ['image', 'rm', '-f']);
}

async function each(list: string[], remove: string[]): Promise<void> {
  const found = new Set((await $`docker ${list}`).stdout.split('\n').filter(Boolean));
  if (found.size > 0) await $`docker ${remove} ${[...found]}`;
}

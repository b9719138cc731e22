import { spawnSync } from 'node:child_process';
import { judge } from './judge.ts';

// Known vulnerabilities of the locked dependencies, development's too: those of high or critical severity fail a build.
const { stdout, error } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', timeout: 60_000 });
if (error) throw error;
const verdict = judge(stdout);
if (verdict.kind === 'not-asked') {
  console.log(`AUDIT NOT DONE: the package registry of this machine does not answer audits (${verdict.why}).`);
  console.log('That says nothing about the dependencies. Run npm run audit where it does.');
} else {
  for (const line of verdict.lines) console.log(line);
  console.log(
    verdict.kind === 'clean'
      ? 'No known vulnerability of high or critical severity.'
      : 'Known vulnerabilities: see above.',
  );
  process.exitCode = verdict.kind === 'clean' ? 0 : 1;
}

import { main, thisProcess } from '../../lib/index.ts';
import { runsScript } from '../../scripts/runs.ts';

// The real one, with the scripts of this directory beside it.
process.exitCode = await main(runsScript, thisProcess());

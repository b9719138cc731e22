import { program } from '../../lib/index.ts';
import { runsScript } from '../../scripts/runs.ts';

// The real one, with the scripts of this directory beside it.
await program(import.meta, runsScript);

import { itSurvives } from './model/it-survives.ts';
import { TO, UPGRADE, upgradable, upgradeAgain } from './model/upgradable.ts';

itSurvives(
  'whatever command of an upgrade of PostgreSQL goes wrong, one cluster serves with every row, and the next run gets there',
  {
    name: 'upgrade-postgres',
    args: TO,
    script: UPGRADE,
    check: upgradeAgain,
    sample: { changes: 8, reads: 2, first: 'killed' },
    given: upgradable,
  },
);

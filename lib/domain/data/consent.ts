import { OpsError } from '../../core/errors.ts';
import type { Ops } from '../../core/ops.ts';
import { decline, unmet } from '../../core/refusal.ts';
import type { Row } from '../../core/screen.ts';
import { printable, same, type Text } from '../../core/text.ts';
import type { KnownVolume } from '../../tools/docker/containers.ts';
import { checkSameVolume } from '../../tools/docker/same-volume.ts';
import { readManifest, type Stored } from '../backup/manifest.ts';

/** What a person is asked to give up, by name, and what tells it from another thing of that name. */
export interface DestructiveRequest {
  /** The sentence above the list. */
  readonly title: Text;
  /** To be typed exactly: no trimming, no other case. */
  readonly phrase: string;
  readonly volumes: readonly KnownVolume[];
  /** Backups that will be removed. */
  readonly backups?: readonly Stored[];
  /** Databases that will be dropped, by their exact names. */
  readonly databases?: readonly string[];
  /** Containers of another directory that will be taken over, by their ids. */
  readonly containers?: readonly string[];
  /** Containers whose userdata is given up, by their ids. */
  readonly userdataOf?: readonly string[];
  /** What it holds: size, tables, rows, age. Shown, and written to the journal. */
  readonly losses: readonly Row[];
}

class ConsentProof {
  #volumes: readonly KnownVolume[];
  readonly #backups: readonly Stored[];
  readonly #databases: readonly string[];

  constructor({ volumes, backups = [], databases = [] }: DestructiveRequest) {
    this.#volumes = volumes;
    this.#backups = backups;
    this.#databases = databases;
  }

  /** Whether dropping this database was consented to. */
  coversDatabase(name: string): boolean {
    return this.#databases.includes(name);
  }

  /** @throws {OpsError} `precondition` when this backup was not consented to, or is another one by now. */
  checkBackup(dir: string): void {
    const consented = this.#backups.find((b) => b.dir === dir);
    if (consented && JSON.stringify(readManifest(dir)) === JSON.stringify(consented.manifest)) return;
    throw new OpsError({
      kind: 'precondition',
      what: { en: `The consent does not cover the backup ${dir}.`, zh: `确认的范围不包含备份 ${dir}.` },
      state: { en: 'It was not removed.', zh: '未删除该备份.' },
    });
  }

  /**
   * To be called while the container that had the volume still exists.
   *
   * @throws {OpsError} `precondition` when the volume of this name is not one that was consented to, or is another one by now.
   */
  async check(ops: Ops, volume: { readonly name: string }): Promise<void> {
    const consented = this.#volumes.find((v) => v.name === volume.name);
    if (consented !== undefined) return checkSameVolume(ops, consented);
    throw unmet({ en: `The consent does not cover volume ${volume.name}.`, zh: `确认的范围不包含卷 ${volume.name}.` });
  }

  /**
   * From here on this container, not started as yet, tells the volume from another one of its name: nobody had it when it was consented to,
   * and what is going to be written to it moves its date.
   *
   * @throws {OpsError} as {@link check}.
   */
  async heldBy(ops: Ops, name: string, container: string): Promise<void> {
    await this.check(ops, { name });
    this.#volumes = this.#volumes.map((v) => (v.name === name && v.holder === '' ? { ...v, holder: container } : v));
  }

  static is(value: unknown): value is ConsentProof {
    return typeof value === 'object' && value !== null && #volumes in value;
  }
}

/** A person's consent to destroy certain volumes, backups or databases. Made by {@link confirmDestructive} and by nothing else. */
export type Consent = ConsentProof;

/** Run-time counterpart of the type, for callers that come from plain JavaScript. */
export const isConsent = ConsentProof.is;

/**
 * Shows what would be lost and asks for a typed phrase. `given` (from `--confirm`) stands for the typing, for automation.
 *
 * @throws {OpsError} `declined` (exit 4) on any other text, on end of input, and without a terminal when `given` is absent.
 */
export async function confirmDestructive(ops: Ops, request: DestructiveRequest, given?: string): Promise<Consent> {
  ops.screen.show({ event: 'warning', text: request.title });
  const { volumes, databases = [] } = request;
  const things = volumes.map(
    (v): Row => [{ en: 'volume', zh: '数据卷' }, same(`${printable(v.name)} (${v.createdAt})`)],
  );
  ops.screen.show({ event: 'table', id: 'losses', rows: [...things, ...request.losses] });

  const typed =
    given ??
    (await ops.screen.askPhrase({
      en: `Type ${request.phrase} to go on, anything else to cancel:`,
      zh: `输入 ${request.phrase} 继续, 输入其他内容则取消:`,
    }));
  if (typed !== request.phrase) throw declined(request.phrase, typed !== undefined);
  const { backups = [], containers = [], userdataOf = [] } = request;
  const volumesNamed = volumes.map((v) => `${v.name} ${v.createdAt}`);
  const named = [
    ...volumesNamed,
    ...backups.map((b) => b.dir),
    ...databases,
    ...containers,
    ...userdataOf.map((id) => `userdata of ${id}`),
  ];
  ops.journal.write({ event: 'consent', things: named });
  return new ConsentProof(request);
}

function declined(phrase: string, answered: boolean): OpsError {
  return decline(
    answered
      ? { en: 'The typed phrase does not match: cancelled.', zh: '输入的确认短语不一致, 已取消.' }
      : {
          en: 'No answer (Ctrl-C, end of input, or no terminal): cancelled.',
          zh: '没有得到回答 (Ctrl-C, 输入结束或无终端), 已取消.',
        },
    {
      en: `To really do it: run again and type ${phrase} exactly, or without a terminal pass --confirm "${phrase}".`,
      zh: `确实要执行时: 重新运行并逐字输入 ${phrase}; 无终端环境可使用 --confirm "${phrase}".`,
    },
  );
}

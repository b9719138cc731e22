import path from 'node:path';
import { type Copy, DockerfileParser, type From, type Instruction } from 'dockerfile-ast';

/** What one COPY or ADD brings into the image. */
export interface ImageCopy {
  /** The stage that it takes it from, in small letters; `undefined`: the repository. */
  readonly stage: string | undefined;
  /** As they are written. */
  readonly sources: readonly string[];
  /** Absolute. */
  readonly to: string;
  /** It is a directory, whatever else is there. */
  readonly into: boolean;
  /** Of a source, the directories above it come along (--parents). */
  readonly parents: boolean;
}

interface Stage {
  readonly name: string | undefined;
  readonly image: string | undefined;
  readonly instructions: Instruction[];
}

/**
 * The stages up to the one that is the image.
 *
 * @param target by its name or number; the last one, unless it is told.
 */
export function readStages(dockerfile: string, target: string | undefined): readonly Stage[] {
  return upTo(stagesOf(dockerfile), target);
}

/** What is copied into the image that the last of these stages is, from first to last. */
export function copiesInto(stages: readonly Stage[]): readonly ImageCopy[] {
  const copies: ImageCopy[] = [];
  let workdir = '/';
  for (const instruction of finalInstructions(stages)) {
    const keyword = instruction.getKeyword();
    if (keyword === 'WORKDIR') workdir = path.posix.resolve(workdir, instruction.getArgumentsContent() ?? '');
    if (keyword !== 'COPY' && keyword !== 'ADD') continue;
    const copy = instruction as Copy;
    const flags = copy.getFlags();
    const words = wordsOf(copy);
    const [sources, destination] = [words.slice(0, -1), words.at(-1)];
    if (destination === undefined) continue;
    copies.push({
      stage: flags
        .find((f) => f.getName() === 'from')
        ?.getValue()
        ?.toLowerCase(),
      sources,
      to: path.posix.resolve(workdir, destination),
      into: sources.length > 1 || /(^|\/)\.{0,2}$/.test(destination),
      parents: flags.some((f) => f.getName() === 'parents'),
    });
  }
  return copies;
}

/** The engine takes a name or a number; of a name that comes twice, the last. */
function upTo(stages: readonly Stage[], target: string | undefined): readonly Stage[] {
  if (target === undefined) return stages;
  const named = stages.findLastIndex(({ name }) => name === target.toLowerCase());
  const at = named === -1 && /^\d+$/.test(target) ? Number(target) : named;
  return stages.slice(0, at + 1);
}

/** Without the quotes of a JSON list. */
function wordsOf(copy: Copy): readonly string[] {
  const strings = copy.getJSONStrings();
  return strings.length > 0
    ? strings.map((word) => word.getJSONValue())
    : copy.getArguments().map((word) => word.getValue());
}

function stagesOf(dockerfile: string): readonly Stage[] {
  const stages: Stage[] = [];
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const from = instruction as From;
      const [name, image] = [from.getBuildStage(), from.getImage()].map((word) => word?.toLowerCase());
      stages.push({ name, image, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

/** Those that make the last stage, of the stages that it is built upon too. */
function finalInstructions(stages: readonly Stage[]): readonly Instruction[] {
  const last = stages.at(-1);
  if (last === undefined) return [];
  const before = stages.slice(0, -1);
  const base = before.findLastIndex(({ name }) => name !== undefined && name === last.image);
  return [...(base === -1 ? [] : finalInstructions(before.slice(0, base + 1))), ...last.instructions];
}

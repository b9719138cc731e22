import { read } from '../../core/command.ts';
import { ask, type RunOps } from '../../core/run.ts';
import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import type { Stack } from './stack.ts';

/** Those that have a container; a service that nobody ever started has no former code. */
export async function withSiblings(ops: RunOps, stack: Stack): Promise<Stack> {
  if (stack.siblings.length === 0) return stack;
  const labels = [`project=${stack.project}`, 'oneoff=False'].map((l) => `label=com.docker.compose.${l}`);
  const format = '{{.Label "com.docker.compose.service"}}\t{{.State}}';
  const filters = labels.flatMap((label) => ['--filter', label]);
  const lines = await ask(ops, read(['docker', 'ps', '-a', ...filters, '--format', format]));
  const found = lines.split('\n').map((line) => line.split('\t') as [string, string]);
  const siblings = stack.siblings.filter((key) => found.some(([service]) => service === key));
  const runs = (key: string) => found.some(([service, state]) => service === key && state === 'running');
  return { ...stack, siblings, stoppedSiblings: siblings.filter((key) => !runs(key)) };
}

/**
 * What is said of services that run the application's image beside it: a release does not reach them, and they must not pass for released.
 *
 * @param image the image's name means the new release: making them anew is enough.
 */
export function siblingWarning(
  target: Target,
  { siblings, stoppedSiblings = [] }: Stack,
  image: 'new' | 'old',
): { readonly text: Text; readonly fix: Text } | undefined {
  if (siblings.length === 0) return undefined;
  const list = (stopped: string) =>
    siblings.map((key) => (stoppedSiblings.includes(key) ? `${key} (${stopped})` : key)).join(', ');
  const command = composeTyped(target, 'up', '-d', '--no-deps', ...siblings);
  const bake: Text =
    image === 'new'
      ? { en: '', zh: '' }
      : { en: 'Build the image (--bake, or a full rebuild), then: ', zh: '先构建镜像 (--bake 或全量重建), 再执行: ' };
  return {
    text: {
      en: `Made from the same image and left alone: ${list('stopped')}. It goes on running the former code.`,
      zh: `使用同一镜像但不在本次发布范围内: ${list('已停止')}. 其中运行的仍是旧代码.`,
    },
    fix: { en: `To bring it there: ${bake.en}${command}`, zh: `更新方法: ${bake.zh}${command}` },
  };
}

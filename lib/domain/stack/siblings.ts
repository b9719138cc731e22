import type { Target } from '../../core/target.ts';
import type { Text } from '../../core/text.ts';
import { composeTyped } from '../../tools/docker/compose.ts';
import type { Stack } from './stack.ts';

/**
 * What is said of services that run the application's image beside it: a release does not reach them, and they must not pass for released.
 *
 * @param image the image's name means the new release: making them anew is enough.
 */
export function siblingWarning(
  target: Target,
  { siblings }: Stack,
  image: 'new' | 'old',
): { readonly text: Text; readonly fix: Text } | undefined {
  if (siblings.length === 0) return undefined;
  const names = siblings.join(', ');
  const command = composeTyped(target, 'up', '-d', '--no-deps', ...siblings);
  const bake: Text =
    image === 'new'
      ? { en: '', zh: '' }
      : { en: 'Build the image (--bake, or a full rebuild), then: ', zh: '先构建镜像 (--bake 或全量重建), 再执行: ' };
  return {
    text: {
      en: `Made from the same image and left alone: ${names}. What runs there goes on with the former code.`,
      zh: `使用同一镜像但不在本次发布范围内: ${names}. 其中运行的仍是旧代码.`,
    },
    fix: { en: `To bring it there: ${bake.en}${command}`, zh: `更新方法: ${bake.zh}${command}` },
  };
}

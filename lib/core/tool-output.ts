import type { z } from 'zod';
import { commandFailed } from './refusal.ts';

/**
 * What a tool answered in JSON. Neither parser's complaint is passed on: it may repeat what it read, and that may be a secret.
 *
 * @param from whose answer it is, for people: `docker inspect`.
 * @throws {OpsError} `command` when it is none, or none of this form.
 */
export function answerOf<T>(from: string, form: z.ZodType<T>, text: string): T {
  try {
    return form.parse(JSON.parse(text));
  } catch {
    throw commandFailed(
      { en: `${from} answered in a form that is not known here.`, zh: `${from} 的输出格式无法识别.` },
      { en: 'See the versions this tool was tested with in its README.', zh: '请参阅 README 中已测试的版本.' },
    );
  }
}

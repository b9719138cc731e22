import type { Ops } from '../../core/ops.ts';
import { CommandError, read, run } from '../../core/run.ts';
import type { Text } from '../../core/text.ts';
import { codeOf, type Failure, line, type Message, TOO_LATE } from './post.ts';

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

const mailOf = ({ title, text }: Message, { from, to }: Envelope) => ({
  from,
  to: [...to],
  subject: title,
  text: `${text}\n`,
  headers: { 'Auto-Submitted': 'auto-generated' }, // no answers from whoever is on holiday (RFC 3834)
  disableFileAccess: true,
  disableUrlAccess: true,
});

/**
 * By a mail server. `smtp://` wants STARTTLS, but for a server on this machine.
 *
 * @param timeoutMs for the whole of it.
 */
export async function viaSmtp(url: string, message: Message, envelope: Envelope, timeoutMs: number): Promise<Failure> {
  let to: URL;
  let user: string;
  let pass: string;
  try {
    to = new URL(url);
    if (!/^smtps?:$/.test(to.protocol)) throw new TypeError('no smtp address');
    [user, pass] = [decodeURIComponent(to.username), decodeURIComponent(to.password)];
  } catch {
    return { en: 'its address is no smtp or smtps URL', zh: '地址不是有效的 smtp/smtps URL' };
  }
  const { createTransport } = await import('nodemailer'); // 40 ms to load: only when a mail is sent
  const secure = to.protocol === 'smtps:';
  const host = to.hostname.replace(/^\[|\]$/g, '');
  const transport = createTransport({
    host,
    port: Number(to.port || (secure ? 465 : 587)),
    secure,
    requireTLS: !secure && !/^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host),
    ...(user !== '' && { auth: { user, pass } }),
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, dnsTimeout: timeoutMs },
  });
  let timer: NodeJS.Timeout | undefined;
  const due = new Promise<Text>((resolve) => {
    timer = setTimeout(() => resolve(TOO_LATE), timeoutMs);
  });
  try {
    const sent = transport.sendMail(mailOf(message, envelope));
    // Taken for some, refused for others: that is no success for those.
    return await Promise.race([sent.then(({ rejectedErrors: [first] = [] }) => first && refused(first)), due]);
  } catch (error) {
    return refused(error);
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}

/** What the server said, if it said something: nodemailer's own words have host and user in them. */
function refused(error: unknown): Text {
  const { response } = (error instanceof Error ? error : {}) as { response?: unknown };
  if (typeof response === 'string' && response !== '')
    return { en: `the mail server refused: ${line(response)}`, zh: `邮件服务器拒绝: ${line(response)}` };
  return { en: `the mail server did not take it (${codeOf(error)})`, zh: `邮件服务器未接收 (${codeOf(error)})` };
}

/** By this machine's own sendmail, which reads the recipients from the mail: they are in no argument. */
export async function viaSendmail(
  ops: Ops,
  { path, ...envelope }: Envelope & { readonly path: string },
  message: Message,
): Promise<Failure> {
  const { createTransport } = await import('nodemailer');
  const made = await createTransport({ streamTransport: true, buffer: true, newline: 'unix' }).sendMail(
    mailOf(message, envelope),
  );
  return handOver(ops, [path, '-t', '-i'], String(made.message));
}

/** Starts a program of this machine and gives it something to read. Its exit code tells whether it took it; the signal ends one that hangs. */
export async function handOver(ops: Ops, argv: readonly string[], input: string): Promise<Failure> {
  try {
    // As what only looks: it changes nothing of the stack, belongs into no journal, and must not inherit the run's lock.
    await run(ops, read(argv, { input }));
    return undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { exitCode, stderr } = error.output;
    const said = line(stderr);
    return { en: `exit code ${exitCode}${said && `: ${said}`}`, zh: `退出码 ${exitCode}${said && `: ${said}`}` };
  }
}

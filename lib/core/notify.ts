import { z } from 'zod';

/** Where an address or a key is; never the value itself, for this file is read by many. */
const kept = z.union([
  z.strictObject({ env: z.string().regex(/^[A-Za-z_]\w*$/) }),
  /** Only its owner may read it (0600 or 0400): this user, or root. */
  z.strictObject({ file: z.string().startsWith('/') }),
]);

export type Kept = z.infer<typeof kept>;

/** Of a channel, in what is shown and in the names of files. */
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and dashes');
/** `problems`: failures, and the first success after one. */
const when = z.enum(['problems', 'every-run']).default('problems');
const mailbox = z.string().regex(/^[^\s<>@,;]+@[^\s<>@,;]+$/, 'an address such as ops@example.com');
const mail = { from: mailbox, to: z.array(mailbox).min(1) };

const channel = z.discriminatedUnion('kind', [
  /** `secret`: of the robot's signature, where it has one. */
  z.strictObject({ kind: z.literal('feishu'), name, when, url: kept, secret: kept.optional() }),
  z.strictObject({ kind: z.literal('dingtalk'), name, when, url: kept, secret: kept.optional() }),
  /** Has no signature: the key is in its URL. */
  z.strictObject({ kind: z.literal('wecom'), name, when, url: kept }),
  z.strictObject({ kind: z.literal('slack'), name, when, url: kept }),
  /** Gets the event as JSON; `secret` signs it. */
  z.strictObject({ kind: z.literal('webhook'), name, when, url: kept, secret: kept.optional() }),
  /** `url`: smtps://user:password@host, or smtp:// with STARTTLS. */
  z.strictObject({ kind: z.literal('smtp'), name, when, url: kept, ...mail }),
  z.strictObject({
    kind: z.literal('sendmail'),
    name,
    when,
    path: z.string().startsWith('/').default('/usr/sbin/sendmail'),
    ...mail,
  }),
  /** Gets the event as JSON on its stdin. */
  z.strictObject({ kind: z.literal('program'), name, when, path: z.string().startsWith('/') }),
]);

export type Channel = z.infer<typeof channel>;

/** What has to succeed again and again; `hours`: at the latest so long after the last time. `ping`: of a dead-man's switch. */
const watched = z.strictObject({ ping: kept.optional(), hours: z.number().positive() });

export const WATCHED = ['backup', 'drill'] as const;
export type Watched = (typeof WATCHED)[number];

/** Who is told how runs end. */
export const notifySchema = z.strictObject({
  /** Of what is sent; default: that of whoever runs it. */
  language: z.enum(['zh', 'en']).optional(),
  channels: z
    .array(channel)
    .default([])
    .refine((all) => new Set(all.map((c) => c.name)).size === all.length, 'two channels have the same name'),
  watch: z.strictObject({ backup: watched.optional(), drill: watched.optional() }).default({}),
  /** Textfile for Prometheus' node_exporter; ends with .prom. */
  metrics: z
    .string()
    .regex(/^\/.*\.prom$/, 'an absolute path that ends with .prom')
    .optional(),
});

export type NotifyConfig = z.infer<typeof notifySchema>;

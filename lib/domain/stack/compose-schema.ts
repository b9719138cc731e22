import { z } from 'zod';

export const variables = z.record(z.string(), z.string().nullable()).nullish();

const words = z.union([z.string(), z.array(z.string())]).nullish();

/** Secrets or configs that a service is given, and where they come from. */
const supplied = z.array(z.object({ source: z.string(), target: z.string().optional() })).nullish();
const suppliers = z.record(z.string(), z.object({ file: z.string().optional() })).nullish();

const serviceSchema = z.object({
  image: z.string().optional(),
  provider: z.unknown().optional(),
  environment: variables,
  entrypoint: words,
  command: words,
  build: z
    .object({
      context: z.string().default(''),
      dockerfile: z.string().optional(),
      target: z.string().optional(),
      additional_contexts: z.record(z.string(), z.string()).nullish(),
      args: variables,
    })
    .nullish(),
  ports: z
    .array(
      z.object({
        target: z.int(),
        published: z.union([z.string(), z.int()]).optional(),
        host_ip: z.string().optional(),
        protocol: z.string().default('tcp'),
      }),
    )
    .nullish(),
  volumes: z
    .array(
      z.object({
        type: z.string(),
        source: z.string().optional(),
        target: z.string(),
        read_only: z.boolean().optional(),
      }),
    )
    .nullish(),
  user: z.string().nullish(),
  working_dir: z.string().optional(),
  network_mode: z.string().nullish(),
  pid: z.string().nullish(),
  ipc: z.string().nullish(),
  volumes_from: z.array(z.string()).nullish(),
  links: z.array(z.string()).nullish(),
  post_start: z.array(z.unknown()).nullish(),
  pre_stop: z.array(z.unknown()).nullish(),
  scale: z.int().nullish(),
  deploy: z.object({ replicas: z.int().nullish() }).nullish(),
  secrets: supplied,
  configs: supplied,
});

const named = z.object({ name: z.string().optional(), external: z.unknown().optional() }).nullable();

/** What this library needs of compose's resolved config; everything else may be there. */
export const configSchema = z.object({
  name: z.string(),
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), named).nullish(),
  networks: z.record(z.string(), named).nullish(),
  secrets: suppliers,
  configs: suppliers,
});

export type Config = z.infer<typeof configSchema>;
export type ServiceConfig = z.infer<typeof serviceSchema>;

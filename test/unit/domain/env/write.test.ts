import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { read, run } from '../../../../lib/core/run.ts';
import { replaceEnv, withCandidateEnv, writeEnv } from '../../../../lib/domain/env/write.ts';
import { testOps } from '../../../support/ops.ts';

const noOwner = vi.hoisted(() => () => {
  throw Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' });
});
const fs = vi.hoisted(() => ({ isOurs: true }));
vi.mock('node:fs', async (real) => {
  const all = await real<typeof import('node:fs')>();
  const chownSync: typeof all.chownSync = (...of) => (fs.isOurs ? all.chownSync(...of) : noOwner());
  const fchownSync: typeof all.fchownSync = (...of) => (fs.isOurs ? all.fchownSync(...of) : noOwner());
  return { ...all, chownSync, fchownSync };
});

describe('replaceEnv', () => {
  const there = () => {
    const ops = testOps(() => undefined);
    const file = path.join(ops.target.dir, '.env');
    writeFileSync(file, 'SECRET_KEY=sk-former\n');
    chmodSync(file, 0o640);
    return { ops, file, files: () => readdirSync(ops.target.dir).filter((name) => name.startsWith('.env')) };
  };

  it('puts another text in its place, with its mode, and keeps the present one', async () => {
    const { ops, file, files } = there();
    const aside = await replaceEnv(ops, 'SECRET_KEY=sk-S3cret\n');
    expect(readFileSync(file, 'utf8')).toBe('SECRET_KEY=sk-S3cret\n');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readFileSync(aside ?? '', 'utf8')).toBe('SECRET_KEY=sk-former\n');
    expect(files()).toEqual(['.env']);
  });

  it('leaves it as it is where its owner can’t be given to another, and nothing beside it; then it can be tried again', async () => {
    const { ops, file, files } = there();
    fs.isOurs = false;
    await expect(replaceEnv(ops, 'SECRET_KEY=sk-S3cret\n')).rejects.toMatchObject({ code: 'EPERM' });
    fs.isOurs = true;
    expect(readFileSync(file, 'utf8')).toBe('SECRET_KEY=sk-former\n');
    expect(files()).toEqual(['.env']);
    await replaceEnv(ops, 'SECRET_KEY=sk-S3cret\n');
    expect(readFileSync(file, 'utf8')).toBe('SECRET_KEY=sk-S3cret\n');
  });
});

describe('writeEnv', () => {
  it('creates the file for the owner alone and leaves nothing else', async () => {
    const ops = testOps(() => undefined);
    const before = process.umask(0);
    try {
      await writeEnv(ops, 'SECRET_KEY=sk-S3cret\n');
    } finally {
      process.umask(before);
    }
    const file = path.join(ops.target.dir, '.env');
    expect(readFileSync(file, 'utf8')).toBe('SECRET_KEY=sk-S3cret\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(file).nlink).toBe(1);
    expect(readdirSync(ops.paths.state).sort()).toEqual(['backups', 'runs']);
    expect(ops.secrets.redact('sk-S3cret')).toBe('[secret]');
  });

  it('never replaces what is there', async () => {
    const ops = testOps(() => undefined);
    const file = path.join(ops.target.dir, '.env');
    writeFileSync(file, 'old');
    await expect(writeEnv(ops, 'new')).rejects.toThrow(expect.objectContaining({ kind: 'precondition' }));
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(ops.paths.state).sort()).toEqual(['backups', 'runs']);
  });

  it('does not write through a link', async () => {
    const ops = testOps(() => undefined);
    symlinkSync(path.join(ops.target.dir, 'elsewhere'), path.join(ops.target.dir, '.env'));
    await expect(writeEnv(ops, 'new')).rejects.toThrow(expect.objectContaining({ kind: 'precondition' }));
    expect(existsSync(path.join(ops.target.dir, 'elsewhere'))).toBe(false);
  });
});

describe('withCandidateEnv', () => {
  it('gives a private directory of the same base name that is gone afterwards', async () => {
    const ops = testOps(() => ({}));
    const seen = await withCandidateEnv(ops, 'SECRET_KEY=sk-S3cret\n', async (directory) => {
      expect(path.basename(directory)).toBe(path.basename(ops.target.dir));
      expect(directory.startsWith(`${ops.paths.state}/`)).toBe(true);
      expect(readFileSync(path.join(directory, '.env'), 'utf8')).toBe('SECRET_KEY=sk-S3cret\n');
      expect(statSync(path.join(directory, '.env')).mode & 0o777).toBe(0o600);
      expect(statSync(path.dirname(directory)).mode & 0o777).toBe(0o700);
      await run(ops, read(['true']));
      expect(ops.secrets.redact('sk-S3cret')).toBe('[secret]');
      return directory;
    });
    expect(existsSync(seen)).toBe(false);
    expect(readdirSync(ops.paths.state).sort()).toEqual(['backups', 'runs']);
    expect(existsSync(path.join(ops.target.dir, '.env'))).toBe(false);
  });

  it('leaves nothing after a failure either', async () => {
    const ops = testOps(() => undefined);
    const failing = withCandidateEnv(ops, 'A=x\n', async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(readdirSync(ops.paths.state).sort()).toEqual(['backups', 'runs']);
  });
});

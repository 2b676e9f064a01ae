// A checkpoint that is damaged, cut off, in use, of another run or no plain file: refused or harmless, never half believed.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { OutputError } from '../../../../lib/data/errors';
import { Checkpoint } from '../../../../lib/lab/experiment/checkpoint';
import { CheckpointError } from '../../../../lib/lab/experiment/checkpoint-error';
import { formatRecord, MAGIC, readRecords } from '../../../../lib/lab/experiment/checkpoint-file';
import { LockedError } from '../../../../lib/lab/experiment/lock';
import { Random } from '../../../../lib/lab/training/random';
import { contentOf, files, OF, open, written } from './written-checkpoint';

it('has a record without arrays as one line, its digest before its JSON', () => {
  const json = JSON.stringify({ kind: 'unit', place: 3 });
  const digest = createHash('sha256').update(json).digest('hex');
  expect(formatRecord({ kind: 'unit', place: 3 }).toString()).toBe(`${digest} ${json}\n`);
});

it('counts records from one where it names a bad one', async () => {
  const records = [{ kind: 'a' }, { kind: 'b' }, { kind: 'c' }].map((value) => formatRecord(value));
  const flipped = Buffer.from(records[1]);
  flipped[5] ^= 1;
  const bytes = Buffer.concat([Buffer.from(MAGIC), records[0], flipped, records[2]]);
  expect(() => [...readRecords(bytes)]).toThrow('record 2 does not match its digest');
});

describe('a checkpoint', () => {
  it('with any flipped bit is refused, or loses at most its last record', async () => {
    const whole = await contentOf(await written('flipped'));
    const bytes = readFileSync(join(files.dir, 'flipped'));
    const random = new Random(1);
    const rounds = Number(process.env.CKL_FLIPS ?? 200);
    let refused = 0;
    for (let i = 0; i < rounds; i++) {
      const damaged = Buffer.from(bytes);
      damaged[random.below(bytes.length)] ^= 1 << random.below(8);
      const file = files.write('damaged', '');
      writeFileSync(file, damaged);
      const found = await contentOf(file);
      if (!found) refused++;
      else if (found.standing) expect(found).toEqual(whole);
      else expect([[], whole!.done]).toContainEqual(found.done);
    }
    expect(refused).toBeGreaterThan(0.9 * rounds);
  });

  it('with anything behind where the unit in progress stands is refused', async () => {
    const bytes = readFileSync(await written('behind'));
    const more = formatRecord({ kind: 'data', digest: 'digest' }, {});
    writeFileSync(files.write('damaged', ''), Buffer.concat([bytes, more]));
    await expect(open(join(files.dir, 'damaged'))).rejects.toThrow(
      'a record follows the one that should be last',
    );
  });

  it('that begins as one ends is refused', async () => {
    for (const bytes of [MAGIC.slice(1), MAGIC.slice(-3), `${MAGIC.slice(0, -1)}x`]) {
      const file = files.write('foreign', bytes);
      await expect(open(file)).rejects.toThrow('not a checkpoint of ckl-loss');
    }
  });

  it('with a flipped bit in its arrays is refused, whichever byte it is in', async () => {
    const bytes = readFileSync(await written('arrays'));
    // They end the file: two numbers of 4 bytes and one of 8.
    for (let from = 1; from <= 16; from++) {
      const damaged = Buffer.from(bytes);
      damaged[bytes.length - from] ^= 1 << (from % 8);
      writeFileSync(files.write('damaged', ''), damaged);
      expect(await contentOf(join(files.dir, 'damaged'))).toBeUndefined();
    }
  });

  it('cut off anywhere keeps its complete records, and begins afresh where there are none', async () => {
    const whole = await contentOf(await written('cut'));
    const bytes = readFileSync(join(files.dir, 'cut'));
    const lengths = Array.from({ length: bytes.length }, (_, length) => length);
    for (const length of lengths.filter((one) => one <= MAGIC.length || one % 37 === 0)) {
      const file = join(files.dir, 'short');
      writeFileSync(file, bytes.subarray(0, length));
      const found = await contentOf(file);
      expect(found!.standing).toBeUndefined();
      expect([[], whole!.done]).toContainEqual(found!.done);
    }
  });

  it('of another command, other options or other data is refused', async () => {
    const file = await written('other');
    await expect(open(file, { ...OF, command: 'train' })).rejects.toThrow(
      'it was written by ckl-loss refine, not by ckl-loss train',
    );
    await expect(open(file, { ...OF, options: { ...OF.options, seed: 2 } })).rejects.toThrow(
      'seed was 1, now 2',
    );
    const checkpoint = await open(file);
    await expect(checkpoint.bind('another')).rejects.toThrow('it belongs to a run on other data');
    await checkpoint.close();
  });

  it('of another version is refused', async () => {
    const file = await written('version');
    const [, ...rest] = readRecords(readFileSync(file));
    const other = formatRecord({ kind: 'head', version: '0.0.9', ...OF });
    writeFileSync(file, Buffer.concat([Buffer.from(MAGIC), other, ...rest.map(({ bytes }) => bytes)]));
    await expect(open(file)).rejects.toThrow(/it was written by ckl-loss 0\.0\.9, and this is \d/);
  });

  it('belongs to one run at a time, and to the next after it', async () => {
    const file = await written('used');
    const first = await open(file);
    await expect(open(file)).rejects.toThrow(`${file}: in use by process ${process.pid}`);
    await first.close();
    // The lock of a process that is gone; no process has this number.
    writeFileSync(`${file}.lock`, readFileSync('/proc/sys/kernel/hostname', 'utf8').replace(/^/, '4194999 '));
    await (await open(file)).close();
  });

  it('belongs to a process of another user, which may not be asked whether it runs', async () => {
    const file = await written('unasked');
    const holder = `4194999 ${hostname()}`;
    writeFileSync(`${file}.lock`, `${holder}\n`);
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    try {
      await expect(open(file)).rejects.toThrow(`${file}: in use by process ${holder.replace(' ', ' on ')}`);
    } finally {
      kill.mockRestore();
    }
    await (await open(file)).close();
  });

  it('says what the system said where it cannot be written', async () => {
    const nowhere = join(files.dir, 'no such folder', 'checkpoint');
    const error = await open(nowhere).catch((found: unknown) => found as CheckpointError);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).cause).toBeInstanceOf(OutputError);
    const missing = await Checkpoint.open({ resume: nowhere }, OF).catch((found: unknown) => found);
    expect(missing).toMatchObject({ file: nowhere, cause: { code: 'ENOENT' } });
    const damaged = join(files.dir, 'another record');
    writeFileSync(damaged, Buffer.concat([Buffer.from(MAGIC), formatRecord({ kind: 'another' })]));
    await expect(open(damaged)).rejects.toMatchObject({
      message: expect.stringContaining('damaged: ') as unknown,
      cause: expect.any(Error) as unknown,
    });
    // What is wrong with the run, and not with the file, is said as it is.
    const other = { ...OF, command: 'compare' };
    await expect(open(await written('of refine'), other)).rejects.toThrow(/^[^:]*of refine: (?!damaged)/);
    const file = await written('held');
    const held = await open(file);
    await expect(open(file)).rejects.toMatchObject({ cause: expect.any(LockedError) as unknown });
    await held.close();
  });

  it('follows links, and takes plain files alone', async () => {
    const [far, link] = [join(files.dir, 'far'), join(files.dir, 'near')];
    symlinkSync(far, link);
    await (await open(link)).close();
    expect(readFileSync(far, 'latin1')).toMatch(/^ckl-loss checkpoint 1\n/);
    mkdirSync(join(files.dir, 'folder'));
    await expect(open(join(files.dir, 'folder'))).rejects.toThrow('it is a folder');
    await expect(open('/dev/null')).rejects.toThrow('no plain file');
    writeFileSync(far, 'some text');
    await expect(open(far)).rejects.toThrow('not a checkpoint of ckl-loss');
    expect(readFileSync(far, 'utf8')).toBe('some text');
  });
});

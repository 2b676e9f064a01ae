// Reads the machine code of NVIDIA GPUs, from Volta on, out of cubins: instructions with their control words, and what a thread
// has asked of memory when it first waits for it. No disassembler is needed, and none comes with nvcc.
import { readFileSync } from 'node:fs';

/** The low 12 bits of an instruction's 16 bytes. */
export const opcode = {
  branch: 0x947,
  uniformBranch: 0x547, // under a predicate that all lanes share
  exit: 0x94d,
  converge: 0x945, // BSSY: names where paths meet
  meet: 0x941, // BSYNC: goes there
  load: 0x981,
  special: 0x308,
  barrier: 0xb1d, // of a block
  loadLocal: 0x983,
  storeLocal: 0x387,
  fence: 0x992,
  nothing: 0x918,
  waitFor: 0x91a, // DEPBAR
  copy: 0xfae, // LDGSTS: from global to shared memory
  cache: 0x98f, // CCTL: with an address, brings it into the L2 cache
  prefetch: 0x3bc, // UBLKPF: the same for a stretch of memory
};

const noScoreboard = 7;

/**
 * One instruction: a load streams if it was written as __ldcs. It sets `scoreboard` when it is done (7: none), and itself starts when those
 * of the mask `waits` are. `target`: of a branch, the index of an instruction.
 */
function decode(low, high, index) {
  const all = (high << 64n) | low;
  const bits = (at, count) => Number((all >> BigInt(at)) & ((1n << BigInt(count)) - 1n));
  const signed = (at, count) => Number(BigInt.asIntN(count, all >> BigInt(at)));
  const code = bits(0, 12);
  const instruction = {
    code,
    guard: bits(12, 4), // the predicate under which it is done; 7: always
    always: bits(12, 4) === 7,
    scoreboard: bits(110, 3),
    waits: bits(116, 6),
  };
  if (code === opcode.load) {
    instruction.bytes = [1, 1, 2, 2, 4, 8, 16, 16][bits(73, 3)];
    instruction.streams = bits(84, 3) === 0;
  } else if (code === opcode.cache) {
    instruction.prefetches = bits(24, 8) !== 255;
  } else if (code === opcode.branch || code === opcode.uniformBranch) {
    // Hopper and later have its low byte apart.
    instruction.target = index + 1 + signed(34, 30) / 4;
    instruction.farTarget = index + 1 + (signed(34, 30) * 256 + bits(16, 8)) / 4;
    instruction.split = bits(16, 8) !== 0;
  } else if (code === opcode.converge) {
    instruction.barrier = bits(16, 4);
    instruction.target = index + 1 + signed(34, 30) / 4;
  } else if (code === opcode.meet) instruction.barrier = bits(16, 4);
  return instruction;
}

/** Of each section of code, where the functions begin that its kernel calls; compilers put them behind it. */
function calledFunctions(elf, section, count) {
  const starts = {};
  for (let k = 0; k < count; k++) {
    const table = section(k);
    if (table.type !== 2) continue;
    const names = section(table.link).at;
    for (let at = table.at; at < table.at + table.bytes; at += 24) {
      const name = names + elf.readUInt32LE(at);
      if ((elf[at + 4] & 15) !== 2 || !elf.toString('latin1', name, name + 3).startsWith('$_Z')) continue;
      const of = elf.readUInt16LE(at + 6);
      starts[of] = Math.min(starts[of] ?? Infinity, Number(elf.readBigUInt64LE(at + 8)) / 16);
    }
  }
  return starts;
}

/** The kernels of a cubin, as { mangled name: instructions }; `own`: how many are the kernel's own, not of functions it calls. */
export function kernelsOf(file) {
  const elf = readFileSync(file);
  const sections = Number(elf.readBigUInt64LE(0x28));
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => elf.readUInt16LE(at));
  const section = (k) => ({
    name: elf.readUInt32LE(sections + k * size),
    type: elf.readUInt32LE(sections + k * size + 4),
    link: elf.readUInt32LE(sections + k * size + 0x28),
    at: Number(elf.readBigUInt64LE(sections + k * size + 0x18)),
    bytes: Number(elf.readBigUInt64LE(sections + k * size + 0x20)),
  });
  const strings = section(names).at;
  const kernels = {};
  const called = calledFunctions(elf, section, count);
  for (let k = 0; k < count; k++) {
    const { name, at, bytes } = section(k);
    const text = elf.toString('latin1', strings + name, elf.indexOf(0, strings + name));
    if (!text.startsWith('.text.')) continue;
    const list = [];
    for (let i = 0; i < bytes / 16; i++)
      list.push(decode(elf.readBigUInt64LE(at + 16 * i), elf.readBigUInt64LE(at + 16 * i + 8), i));
    if (list.some(({ split }) => split))
      for (const one of list) if (one.farTarget !== undefined) one.target = one.farTarget;
    for (const { target } of list)
      if (target !== undefined && !(Number.isInteger(target) && target >= 0 && target < list.length))
        throw new Error(`${file}: a branch of ${text} leads nowhere: this chip encodes it otherwise`);
    list.own = called[k] ?? list.length;
    kernels[text.slice('.text.'.length)] = list;
  }
  return kernels;
}

/** How many of a kernel's instructions have one of these opcodes; without any, how many do something. */
export function count(kernel, ...codes) {
  return kernel.filter(({ code }) => (codes.length > 0 ? codes.includes(code) : code !== opcode.nothing))
    .length;
}

/** How many instructions the shortest way from a kernel's start to its last exit has, all or those with one of these opcodes. */
export function shortest(kernel, ...codes) {
  const next = successors(kernel);
  const cost = kernel.map(({ code }) => (code === opcode.nothing ? 0 : 1));
  const end = kernel.findLastIndex(({ code, always }) => code === opcode.exit && always);
  const before = new Int32Array(kernel.length).fill(-1);
  const found = new Int32Array(kernel.length).fill(-1);
  found[0] = cost[0];
  // Few instructions branch, so waves of equal cost are a list each.
  const waves = [[], [0]];
  for (let length = 1; length < waves.length; length++)
    for (const at of waves[length] ?? []) {
      if (found[at] !== length) continue;
      for (const to of next[at]) {
        const sum = length + cost[to];
        if (found[to] >= 0 && found[to] <= sum) continue;
        found[to] = sum;
        before[to] = at;
        (waves[sum] ??= []).push(to);
      }
    }
  const way = [];
  for (let at = end; at >= 0; at = before[at]) way.push(kernel[at]);
  return count(way, ...codes);
}

/** Where each instruction may be followed up. */
function successors(kernel) {
  const meetings = {};
  return kernel.map((instruction, i) => {
    const next = i + 1 < kernel.length ? [i + 1] : [];
    if (instruction.code === opcode.converge) meetings[instruction.barrier] = instruction.target;
    if (instruction.code === opcode.exit) return instruction.always ? [] : next;
    if (instruction.code === opcode.uniformBranch) return [...next, instruction.target];
    if (instruction.code === opcode.branch)
      return instruction.always ? [instruction.target] : [...next, instruction.target];
    if (instruction.code === opcode.meet) return [meetings[instruction.barrier] ?? i + 1];
    return next;
  });
}

/** The targets of edges that close a loop, by depth-first search. */
function loopHeads(next) {
  const heads = new Set();
  const state = new Uint8Array(next.length); // 1: on the way, 2: done
  const stack = [[0, 0]];
  state[0] = 1;
  while (stack.length > 0) {
    const top = stack.at(-1);
    const [at, k] = top;
    if (k === next[at].length) {
      state[at] = 2;
      stack.pop();
      continue;
    }
    top[1]++;
    const to = next[at][k];
    if (state[to] === 1) heads.add(to);
    else if (state[to] === 0) {
      state[to] = 1;
      stack.push([to, 0]);
    }
  }
  return heads;
}

/**
 * What a thread has asked of memory by streaming loads when it first waits for one of them, on each way from there on
 * around the loop over rows. Returns one entry for each way: { bytes, loads, widest }, and in `late` the bytes of streaming loads
 * that come after such a wait. A predicated load counts as made, unless the next branch under the same predicate is not taken: a
 * compiler makes a short alternative so.
 */
export function inFlight(kernel) {
  const next = successors(kernel);
  const heads = loopHeads(next);
  const ways = new Map();
  const late = new Map();
  // States at an instruction: bytes and number of loads so far, the widest, scoreboards they hold, whether one was waited for; and
  // what they were before loads under the predicate `guard`.
  const seen = kernel.map(() => new Set());
  const none = [0, 0, 0, 0];
  const work = [[0, none, 0, 7, none]];
  while (work.length > 0) {
    let [at, made, waited, guard, before] = work.pop();
    // What comes before the rows, such as counting queries, ends with a barrier.
    const starts = heads.has(at) || kernel[at].code === opcode.barrier;
    if (starts && waited) [made, waited, guard, before] = [none, 0, 7, none];
    const key = [made, waited, guard, before].join();
    if (seen[at].has(key)) continue;
    seen[at].add(key);
    const instruction = kernel[at];
    const waits = instruction.code === opcode.waitFor ? 63 : instruction.waits;
    let [bytes, loads, widest, held] = made;
    if (!waited && waits & held) {
      ways.set([bytes, loads].join(), { bytes, loads, widest });
      waited = 1;
    }
    if (instruction.streams) {
      if (waited) late.set(at, instruction.bytes);
      else {
        if (instruction.guard !== guard) [guard, before] = [instruction.guard, made];
        bytes += instruction.bytes;
        loads++;
        widest = Math.max(widest, instruction.bytes);
        if (instruction.scoreboard !== noScoreboard) held |= 1 << instruction.scoreboard;
      }
    }
    made = [bytes, loads, widest, held];
    for (const to of next[at]) {
      const skips =
        instruction.code === opcode.branch &&
        !waited &&
        guard !== 7 &&
        instruction.guard === guard &&
        to === at + 1;
      work.push(skips ? [to, before, waited, 7, none] : [to, made, waited, guard, before]);
    }
  }
  return {
    ways: [...ways.values()].sort((a, b) => b.widest - a.widest || b.bytes - a.bytes),
    late: [...late.values()].reduce((sum, x) => sum + x, 0),
  };
}

/** How many loads of 16 bytes are on their way when, some way on, the next of 16 bytes is made. */
export function loadsTogether(kernel) {
  const next = successors(kernel);
  const wide = ({ code, bytes }) => code === opcode.load && bytes === 16;
  return kernel.filter((load, at) => {
    const seen = new Set();
    const work = wide(load) ? [...next[at]] : [];
    while (work.length > 0) {
      const to = work.pop();
      const waits = kernel[to].code === opcode.waitFor ? 63 : kernel[to].waits;
      if (seen.has(to) || waits & (1 << load.scoreboard)) continue;
      seen.add(to);
      if (to !== at && wide(kernel[to])) return true;
      work.push(...next[to]);
    }
    return false;
  }).length;
}

/** Of a chip: registers and threads of a multiprocessor, blocks, and bytes of shared memory that blocks may have. */
const chips = {
  80: { threads: 2048, blocks: 32, shared: 163 * 1024 },
  90: { threads: 2048, blocks: 32, shared: 227 * 1024 },
  120: { threads: 1536, blocks: 24, shared: 99 * 1024 },
};

/**
 * As launch/stage.h: the shared memory of a stretch of ckl with gamma 5, with scores of `size` bytes and `parked` floats per document, and
 * what a block has beside that (kTeamBytes and kReduceBytes of launch/task.h).
 */
export const stretchBytes = (docs, size, parked) => parked * docs * 4 + (docs * size + 16) * 2 + docs + 16;
export const blockBytes = 2112 + 512;

/** Bytes of shared memory that a block may have. */
export const sharedOf = (architecture) => chips[architecture].shared;

/** Blocks that a multiprocessor holds at once. Registers are given to warps, 256 at a time. */
export function blocksAtOnce(architecture, registers, threads, shared = 0) {
  const chip = chips[architecture];
  const ofWarp = Math.ceil((registers * 32) / 256) * 256;
  const warps = 4 * Math.floor(65536 / 4 / ofWarp);
  return Math.min(
    chip.blocks,
    Math.floor(chip.threads / threads),
    Math.floor(warps / (threads / 32)),
    shared ? Math.floor((chip.shared + 1024) / (shared + 1024)) : Infinity,
  );
}

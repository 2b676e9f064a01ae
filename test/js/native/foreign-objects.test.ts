// The native file called directly, with objects of other classes, arrays that lose their memory, and getters that run code in between.
import { describe, expect, it } from 'vitest';
import { NativeStatus } from '../../../lib/native/codes';
import { native } from '../../../lib/native/native';
import { hasGpu } from '../cuda/helpers';
import { specificationOf } from './specification';

const spec = specificationOf();
const queries = 8;
const docs = 64;
const n = queries * docs;

type Run = Parameters<InstanceType<typeof native.Plan>['run']>;

function callOf(): Run {
  const scalars = new Float64Array(16);
  scalars.set([queries, docs, docs, 0, 0, 0], 8);
  const student = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
  const teacher = Float32Array.from({ length: n }, (_, i) => Math.cos(i));
  const labels = Uint8Array.from({ length: n }, (_, i) => (i % docs === 3 ? 1 : 0));
  const outputs = [new Float32Array(n), new Float32Array(queries)] as const;
  return [student, teacher, labels, null, null, null, null, null, ...outputs, null, null, scalars];
}

const transfer = (array: ArrayBufferView) =>
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });

// What no class may take for one of its own.
const strangers = (): unknown[] => [
  ...[undefined, null, 0, 1n, 'text', Symbol.iterator, {}, [], () => 0, new Float32Array(4)],
  ...[new Map(), new Proxy(new native.Plan(spec), {}), Object.create(native.Plan.prototype)],
  ...[new native.AbortFlag(), Object.create(new native.Plan(spec)), native, globalThis],
];

describe('an object of another class', () => {
  const classes = [
    'Plan',
    'AbortFlag',
    'Device',
    'DeviceMemory',
    'DeviceStream',
    'DeviceLoss',
    'Scoring',
    'DeviceGraph',
  ];

  it.each(classes)('is refused by every method and accessor of %s', (name) => {
    const { prototype } = native[name as 'Plan'] as unknown as { prototype: object };
    const properties = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
      ([key]) => key !== 'constructor',
    );
    expect(properties.length).toBeGreaterThan(0);
    for (const [key, { value, get }] of properties) {
      const call = (get ?? value) as (...args: unknown[]) => unknown;
      const others = strangers();
      if (name !== 'Plan') others.push(new native.Plan(spec));
      for (const other of others) {
        if (name === 'AbortFlag' && other instanceof native.AbortFlag) continue;
        expect(() => call.call(other, 1, 2, 3, 4), `${key} of ${String(other?.constructor)}`).toThrow(
          TypeError,
        );
      }
    }
  });

  it('is refused where a Device or a DeviceLoss is needed', () => {
    for (const other of [...strangers(), new native.Plan(spec)]) {
      const given = other as never;
      expect(() => new native.DeviceMemory(given, 64)).toThrow(/a Device is needed/);
      expect(() => new native.DeviceStream(given)).toThrow(/a Device is needed/);
      expect(() => new native.DeviceLoss(given, spec, new Float64Array(36))).toThrow(/a Device is needed/);
      expect(() => new native.DeviceGraph(given, null)).toThrow(/a DeviceLoss is needed/);
    }
  });

  it.runIf(hasGpu)('of the devices is none of the others', () => {
    const device = new native.Device(0);
    const call = new Float64Array(36);
    const objects = {
      Device: device,
      DeviceMemory: new native.DeviceMemory(device, 64),
      DeviceStream: new native.DeviceStream(device),
      DeviceLoss: new native.DeviceLoss(device, { ...spec, backend: 'cuda' }, call),
    };
    for (const [name, object] of Object.entries(objects)) {
      const given = object as never;
      if (name !== 'Device') expect(() => new native.DeviceMemory(given, 64)).toThrow(/a Device is needed/);
      if (name !== 'DeviceLoss')
        expect(() => new native.DeviceGraph(given, null)).toThrow(/a DeviceLoss is needed/);
      for (const [other, { prototype }] of Object.entries(native) as [string, { prototype: object }][]) {
        if (other === name || !(other in objects)) continue;
        for (const { get } of Object.values(Object.getOwnPropertyDescriptors(prototype))) {
          if (get !== undefined) expect(() => get.call(object), `${other} of ${name}`).toThrow(TypeError);
        }
      }
    }
  });

  it.runIf(hasGpu)('the numbers of a DeviceLoss may be transferred away', () => {
    const call = new Float64Array(36);
    const loss = new native.DeviceLoss(new native.Device(0), { ...spec, backend: 'cuda' }, call);
    transfer(call);
    expect(loss.enqueue(null)).toBe(NativeStatus.type);
    expect(new native.DeviceGraph(loss, null).status).toBe(NativeStatus.type);
  });

  it.runIf(hasGpu)('an array may be transferred while a copy to it is on its way', async () => {
    const device = new native.Device(0);
    const memory = new native.DeviceMemory(device, 1 << 20);
    const array = new Uint8Array(1 << 20);
    const done = device.download(array, memory.address, 0);
    transfer(array);
    await expect(done).rejects.toThrow(/detached/);
  });
});

describe('code that runs during a call', () => {
  it('in a getter of the diagnostics finds no memory fetched before', () => {
    const plan = new native.Plan(spec);
    for (const victim of [0, 1, 2, 8, 9, 12]) {
      const call = callOf();
      const parts = [n, n, queries, queries, queries].map((length) => new Float32Array(length));
      const list = [...parts] as never[];
      Object.defineProperty(list, 4, {
        get() {
          transfer(call[victim] as Float32Array);
          return parts[4];
        },
      });
      call[11] = list as unknown as Run[11];
      expect([NativeStatus.type, NativeStatus.size]).toContain(plan.run(...call));
    }
  });

  it('in a getter of the diagnostics may configure and dispose the plan', () => {
    const plan = new native.Plan(spec);
    const call = callOf();
    const parts = [n, n, queries, queries, queries].map((length) => new Float32Array(length));
    const list = [...parts] as never[];
    Object.defineProperty(list, 0, {
      get() {
        for (let k = 0; k < 100; k++) plan.configure({ ...spec, threads: 1 + (k % 3) });
        plan.dispose();
        return parts[0];
      },
    });
    call[11] = list as unknown as Run[11];
    expect(plan.run(...call)).toBe(NativeStatus.ok);
  });

  it('that throws in a getter of the diagnostics is what the call throws', () => {
    const list: unknown[] = [1, 2, 3, 4, 5];
    Object.defineProperty(list, 2, {
      get() {
        throw new Error('mine');
      },
    });
    const call = callOf();
    call[11] = list as unknown as Run[11];
    expect(() => new native.Plan(spec).run(...call)).toThrow('mine');
  });

  it('in a getter of a term adds no terms', () => {
    const terms = [...spec.terms];
    Object.defineProperty(terms, 0, {
      get() {
        while (terms.length < 5000) terms.push(spec.terms[0]);
        return { ...spec.terms[0] };
      },
    });
    const plan = new native.Plan({ ...spec, terms });
    const call = callOf();
    const alone = callOf();
    expect(plan.run(...call)).toBe(NativeStatus.ok);
    expect(new native.Plan(spec).run(...alone)).toBe(NativeStatus.ok);
    expect(call[12][0]).toBe(alone[12][0]);
  });

  it('through a setter of Array.prototype takes no array of a job', async () => {
    const call = callOf();
    const plan = new native.Plan(spec);
    Object.defineProperty(Array.prototype, '0', { configurable: true, set() {} });
    let done;
    try {
      done = plan.runAsync(...call, null);
    } finally {
      delete (Array.prototype as unknown[])[0];
    }
    expect(await done).toBe(NativeStatus.ok);
  });
});

describe('a job in the pool', () => {
  it('ends well when every array of it is transferred away', async () => {
    const plan = new native.Plan(spec);
    const expected = callOf();
    plan.run(...expected);
    for (const victims of [[0, 1, 2], [8], [9], [12], [0, 1, 2, 8, 9, 12]]) {
      const call = callOf();
      const done = plan.runAsync(...call, null);
      for (const victim of victims) transfer(call[victim] as Float32Array);
      const inputsOnly = victims.every((victim) => victim < 8 || victim === 12);
      expect(await done).toBe(inputsOnly ? NativeStatus.ok : NativeStatus.size);
      if (inputsOnly) expect(call[8]).toEqual(expected[8]);
      // All outputs or none.
      else if (!victims.includes(9)) expect(call[9]).toEqual(new Float32Array(queries));
    }
  });

  it('writes the rows of a batch and nothing between them', async () => {
    const stride = docs + 5;
    const call = callOf();
    const wide = queries * stride;
    call[0] = Float32Array.from({ length: wide }, (_, i) => Math.sin(i));
    call[1] = Float32Array.from({ length: wide }, (_, i) => Math.cos(i));
    call[2] = Uint8Array.from({ length: wide }, (_, i) => (i % stride === 3 ? 1 : 0));
    const [once, later] = [0, 1].map(() => new Float32Array(wide).fill(9));
    call[12][10] = stride;
    const plan = new native.Plan(spec);
    call[8] = once;
    expect(plan.run(...call)).toBe(NativeStatus.ok);
    call[8] = later;
    expect(await plan.runAsync(...call, null)).toBe(NativeStatus.ok);
    expect(later).toEqual(once);
    expect(later[docs]).toBe(9);
  });

  it('is stopped by its own flag', async () => {
    const flag = new native.AbortFlag();
    flag.set();
    const call = callOf();
    expect(await new native.Plan(spec).runAsync(...call, flag)).toBe(NativeStatus.aborted);
    expect(call[8]).toEqual(new Float32Array(n));
    expect(await new native.Plan(spec).runAsync(...call, {} as never)).toBe(NativeStatus.type);
  });
});

describe('offsets', () => {
  it('in memory that an output is written to are refused', () => {
    const plan = new native.Plan(spec);
    for (const place of [8, 9]) {
      const call = callOf();
      const { buffer } = call[place] as Float32Array<ArrayBuffer>;
      const offsets = new Int32Array(buffer, 0, place === 8 ? queries + 1 : queries);
      for (let b = 0; b < offsets.length; b++) offsets[b] = b * docs;
      call[3] = offsets;
      call[12][8] = offsets.length - 1;
      const before = (call[place] as Float32Array).slice();
      expect(plan.run(...call)).toBe(NativeStatus.type);
      expect(call[place]).toEqual(before);
    }
  });

  it('in memory that ranks and rank biases are written to are refused', () => {
    const memory = new Uint32Array(64);
    const offsets = new Int32Array(memory.buffer, 0, 2);
    offsets[1] = 64;
    const scores = new Float32Array(64);
    const labels = new Uint8Array(64);
    const scalars = new Float64Array(16);
    expect(native.ranks(scores, 0, labels, 1, 0, 0, offsets, memory, scalars)).toBe(NativeStatus.type);
    const out = new Float32Array(memory.buffer);
    const ranks = new Uint32Array(64).fill(1);
    expect(native.rankBias(ranks, labels, 1, 0, 0, offsets, 1, out, scalars)).toBe(NativeStatus.type);
    expect(offsets).toEqual(Int32Array.of(0, 64));
  });
});

it('rows of no documents cost nothing, however many', () => {
  const scalars = new Float64Array(16);
  const none = new Float32Array(0);
  const most = 2 ** 53 - 1;
  expect(native.ranks(none, 0, null, most, 0, 0, null, new Uint32Array(0), scalars)).toBe(NativeStatus.ok);
  const status = native.rankBias(new Uint32Array(0), new Uint8Array(0), most, 0, 0, null, 1, none, scalars);
  expect(status).toBe(NativeStatus.ok);
});

it('sizes beyond all memory are refused, and the next call works', () => {
  expect(() => new native.Plan({ ...spec, reserveDocs: 1e13 })).toThrow(RangeError);
  const plan = new native.Plan({ ...spec, reserveDocs: 1e12, threads: 1024 });
  expect(plan.run(...callOf())).toBe(NativeStatus.ok);
});

it('half a thread is refused', () => {
  for (const threads of [0.5, 1.5, -1, 1025, NaN, Infinity])
    expect(() => new native.Plan({ ...spec, threads })).toThrow(RangeError);
});

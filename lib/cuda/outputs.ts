// Device memory for results: lent from call to call by a prepared loss, or made for one graph.
import type { DeviceBatchView, DeviceOutputs } from './batch.js';
import type { Device } from './device.js';
import type { DeviceDtype } from './dtype.js';
import { DeviceTensor } from './tensor.js';

/** What a call wants beyond loss and gradient. */
export interface Wanted {
  teacherGrad: boolean;
  diagnostics: boolean;
}

/** Outputs that are allocated once, for batches of up to a size, and lent out at each call. */
export class LentOutputs {
  private readonly all = new Map<string, DeviceTensor>();
  /** What the last call was lent, and the batch it was for: most calls are like the one before. */
  private last: DeviceOutputs | null = null;
  private lastExtent = 0;
  private lastQueries = 0;
  private lastStudent: DeviceTensor | null = null;
  private lastTeacher: DeviceTensor | null = null;
  private result: DeviceTensor<'float64'> | null = null;

  constructor(
    private readonly device: Device,
    /** Elements over documents and queries. */
    private readonly documents: number,
    private readonly queries: number,
    private readonly wanted: Wanted,
  ) {}

  /** Every output that the caller did not provide. */
  lend(view: DeviceBatchView, owned: Partial<DeviceOutputs>): DeviceOutputs {
    const { student, teacher, extent, queries } = view;
    const bringsNone = !owned.grad && !owned.perQuery && !owned.teacherGrad;
    const alike =
      extent === this.lastExtent &&
      queries === this.lastQueries &&
      student === this.lastStudent &&
      teacher === this.lastTeacher;
    if (bringsNone && alike && this.last !== null && allLive(this.last)) return this.last;
    const outputs = this.outputsFor(view, owned);
    this.last = bringsNone ? outputs : null;
    this.lastExtent = extent;
    this.lastQueries = queries;
    this.lastStudent = student;
    this.lastTeacher = teacher;
    return outputs;
  }

  /** Allocates all whose type no batch decides: all but gradients. */
  reserve(): void {
    this.summary();
    this.ofQueries('perQuery', 0);
    if (this.wanted.diagnostics) this.diagnostics(0, 0);
  }

  summary(): DeviceTensor<'float64'> {
    if (this.result === null || this.result.disposed) this.result = this.take('summary', 'float64', 2, 2);
    return this.result;
  }

  dispose(): void {
    for (const tensor of this.all.values()) tensor.dispose();
    this.all.clear();
    this.last = this.lastStudent = this.lastTeacher = this.result = null;
  }

  private outputsFor(view: DeviceBatchView, owned: Partial<DeviceOutputs>): DeviceOutputs {
    const { student, teacher, extent, queries } = view;
    const beside = (name: string, scores: DeviceTensor) =>
      this.take(name, scores.dtype, extent, this.documents, scores.shape);
    const wantsTeacher = this.wanted.teacherGrad && teacher !== null;
    return {
      grad: owned.grad ?? beside('grad', student),
      perQuery: owned.perQuery ?? this.ofQueries('perQuery', queries),
      teacherGrad: owned.teacherGrad ?? (wantsTeacher ? beside('teacherGrad', teacher) : null),
      diagnostics: this.wanted.diagnostics ? this.diagnostics(extent, queries) : null,
    };
  }

  private diagnostics(extent: number, queries: number): DeviceTensor<'float32'>[] {
    return [
      ...['weight', 'ratio'].map((name) => this.take(name, 'float32', extent, this.documents)),
      ...['entropy', 'separation', 'separationTop10'].map((name) => this.ofQueries(name, queries)),
    ];
  }

  private ofQueries(name: string, queries: number): DeviceTensor<'float32'> {
    return this.take(name, 'float32', queries, this.queries);
  }

  /** The first `length` elements of an output. `shape`: that of the matching input, kept if the sizes agree. */
  private take<D extends DeviceDtype>(
    name: string,
    dtype: D,
    length: number,
    capacity: number,
    shape?: readonly number[],
  ): DeviceTensor<D> {
    const key = `${name} ${dtype}`;
    let all = this.all.get(key);
    if (all === undefined || all.length < length) {
      all?.dispose();
      all = DeviceTensor.allocate(Math.max(length, capacity), dtype, { device: this.device });
      this.all.set(key, all);
    }
    return all.first(length, shape) as DeviceTensor<D>;
  }
}

/** Whether the caller has left what was lent: a result's tensors can be disposed like any others. */
function allLive({ grad, perQuery, teacherGrad, diagnostics }: DeviceOutputs): boolean {
  if (grad.disposed || perQuery.disposed || teacherGrad?.disposed) return false;
  return diagnostics === null || !diagnostics.some((tensor) => tensor.disposed);
}

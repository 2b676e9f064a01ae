// Device memory for results: lent from call to call by a prepared loss, or made for one graph.
import type { Device } from './device.js';
import type { DeviceBatchView, DeviceOutputs } from './batch.js';
import type { DeviceDtype } from './dtype.js';
import { DeviceTensor } from './tensor.js';

/** What a call wants beyond loss and gradient. */
export interface Wanted {
  teacherGrad: boolean;
  diagnostics: boolean;
}

/** Outputs that are allocated when they are first needed, for batches of up to a size, and lent out at each call. */
export class LentOutputs {
  private readonly all = new Map<string, DeviceTensor>();
  private readonly views = new Map<string, DeviceTensor>();

  constructor(
    private readonly device: Device,
    /** Elements over documents and queries. */
    private readonly documents: number,
    private readonly queries: number,
    private readonly wanted: Wanted,
  ) {}

  /** Every output that the caller did not bring. */
  lend(view: DeviceBatchView, owned: Partial<DeviceOutputs>): DeviceOutputs {
    const { queries, student, teacher } = view;
    const { teacherGrad, diagnostics } = this.wanted;
    // Memory as wide as the student's, so that gradients of rows with gaps lie where the scores do.
    const documents = view.extent;
    const ofDocuments = (name: string) => this.take(name, 'float32', documents, this.documents);
    const ofQueries = (name: string) => this.take(name, 'float32', queries, this.queries);
    return {
      grad: owned.grad ?? this.take('grad', student.dtype, documents, this.documents, student.shape),
      perQuery: owned.perQuery ?? ofQueries('perQuery'),
      teacherGrad:
        owned.teacherGrad ??
        (teacherGrad && teacher !== null
          ? this.take('teacherGrad', teacher.dtype, documents, this.documents, teacher.shape)
          : null),
      diagnostics: diagnostics
        ? [
            ofDocuments('weight'),
            ofDocuments('ratio'),
            ofQueries('entropy'),
            ofQueries('separation'),
            ofQueries('separationTop10'),
          ]
        : null,
    };
  }

  summary(): DeviceTensor<'float64'> {
    return this.take('summary', 'float64', 2, 2);
  }

  dispose(): void {
    for (const tensor of this.all.values()) tensor.dispose();
    this.all.clear();
    this.views.clear();
  }

  /** The first `length` elements of an output. `shape`: of what it stands beside, kept where the sizes agree. */
  private take<D extends DeviceDtype>(
    name: string,
    dtype: D,
    length: number,
    capacity: number,
    shape?: readonly number[],
  ): DeviceTensor<D> {
    const key = `${name} ${dtype}`;
    const last = this.views.get(key);
    if (last?.length === length && !last.disposed && (shape === undefined || sameShape(last.shape, shape))) {
      return last as DeviceTensor<D>;
    }
    let all = this.all.get(key);
    if (all === undefined || all.length < length || all.disposed) {
      all?.dispose();
      all = DeviceTensor.allocate(Math.max(length, capacity), dtype, { device: this.device });
      this.all.set(key, all);
    }
    const view = all.first(length, shape) as DeviceTensor<D>;
    this.views.set(key, view);
    return view;
  }
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, k) => size === b[k]);
}

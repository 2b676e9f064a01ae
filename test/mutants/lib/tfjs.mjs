// Mutations of the ops for tfjs.
const counted = ['test/js/tfjs/counted.test.ts'];
const tfjs = ['test/js/tfjs/losses.test.ts'];

export default [
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'tf.mul(«none ? tf.expandDims(dy, -1) : dy», gradient);',
    to: 'none ? tf.mean(dy) : dy',
    suite: tfjs,
    sample: true,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'share === 0 ? 0 : «share * gradient[i]»;',
    to: 'gradient[i]',
    suite: tfjs,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'const used = counted.map((one, query) => «one * given[query]»);',
    to: 'given[query]',
    suite: tfjs,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'total((weight) => «weight»),',
    to: '1',
    suite: tfjs,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'total((weight) => («weight === 0 ? 0 : 1»)),',
    to: '1',
    suite: tfjs,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'save([gradientOf(grad), «gradientOf(toTeacher as Float32Array)»]);',
    to: 'gradientOf(grad)',
    suite: tfjs,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/op.ts',
    code: 'size === shape[«shape.length - given.rank + i»]);',
    to: 'i',
    suite: counted,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/counted.ts',
    code: 'return terms.«some»(({ loss, k',
    to: 'every',
    suite: counted,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/counted.ts',
    code: '(i) => «labels[i] !== PADDING»,',
    to: 'true',
    suite: counted,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/counted.ts',
    code: 'orderedPair: ({ labels, relevance }: Query) => «differ(relevance ?? labels)»,',
    to: 'differ(labels)',
    suite: counted,
  },
  {
    kind: 'mode',
    in: 'lib/tfjs/counted.ts',
    code: 'return differ(levels) && «!(idealDcg(levels, k) <= 0)»;',
    to: 'true',
    suite: counted,
  },
];

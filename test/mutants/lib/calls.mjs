// Mutations that let a call of a loss depend on the calls before it.
const calls = ['test/js/loss/between-calls.test.ts'];

export default [
  {
    kind: 'state',
    in: 'lib/loss/plans.ts',
    code: 'return «a.length === b.length» && a.every(',
    to: 'a.length <= b.length',
    suite: calls,
  },
  {
    kind: 'state',
    in: 'lib/loss/options.ts',
    code: 'for (let k = 0; k < a.length; k++) if («a[k] !== b[k]») return false;',
    to: 'k !== 1 && a[k] !== b[k]', // alpha of ckl
    suite: calls,
    sample: true,
  },
  {
    kind: 'state',
    in: 'lib/loss/options.ts',
    code: 'for (let k = 0; k < a.length; k++) if («a[k] !== b[k]») return false;',
    to: 'k !== 4 && a[k] !== b[k]',
    suite: calls,
  },
  {
    kind: 'state',
    in: 'lib/loss/small-batch.ts',
    code: 'if («this.part.length !== length» ||',
    to: 'this.part.length < length',
    suite: calls,
  },
  {
    kind: 'state',
    in: 'lib/loss/small-batch.ts',
    code: '|| «this.part.BYTES_PER_ELEMENT !== all.BYTES_PER_ELEMENT»)',
    to: 'false',
    suite: calls,
    sample: true,
  },
  {
    kind: 'state',
    in: 'lib/loss/small-batch.ts',
    code: 'this.part = all.subarray(0, «length»);',
    to: 'length >> 1',
    suite: calls,
  },
];

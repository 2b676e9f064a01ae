// The order in which modules of lib may depend on each other: without cycles, and never on a higher layer. `npm run lint` checks it.
// docs/architecture.md explains the layers. Imports of types count too, since they couple two modules as much as imports of values do.

/** The layers, lowest first. A module imports from its own layer and from lower ones. */
const layers = [
  ['foundation', '^lib/(errors|describe|extremes|types|losses|parameters|communicator)\\.ts$'],
  ['native', '^lib/native/'],
  ['loss', '^lib/loss/'],
  ['beside the loss', '^lib/(ranks|cuda|embeddings|distributed)/'],
  ['index', '^lib/index\\.(ts|mts)$'],
  ['adapters', '^lib/(tfjs/|presets)'],
  ['collections', '^lib/(metrics|data)/'],
  ['lab: training', '^lib/lab/(training/|(provenance|parse)\\.ts)'],
  ['lab: students', '^lib/lab/(students|sample)/'],
  ['lab: experiment', '^lib/lab/experiment/'],
  ['lab: jobs', '^lib/lab/(train|refine|compare)/'],
  ['lab: report', '^lib/lab/report/'],
  ['lab: cli', '^lib/lab/cli/'],
];

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Merge modules that import each other, or move what they share to a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphan-layer',
      comment: 'Every module of lib must belong to a layer of .dependency-cruiser.cjs.',
      severity: 'error',
      from: { path: '^lib/', pathNot: layers.map(([, path]) => path) },
      to: {},
    },
    ...layers.slice(0, -1).map(([name, path], at) => ({
      name: `${name}-points-back`,
      comment: `${name} is a lower layer than the module that it imports.`,
      severity: 'error',
      from: { path },
      to: { path: layers.slice(at + 1).map(([, higher]) => higher) },
    })),
    {
      name: 'library-apart-from-lab',
      comment: 'The laboratory imports the library, never the reverse.',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/lab/' },
      to: { path: '^lib/lab/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};

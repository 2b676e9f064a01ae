// One strict set of rules for all TypeScript; plain scripts get Node's globals.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const nodeGlobals = Object.fromEntries(
  [
    'process',
    'console',
    'Buffer',
    'URL',
    'performance',
    'setTimeout',
    'setImmediate',
    'globalThis',
    'fetch',
    'AbortSignal',
  ].map((name) => [name, 'readonly']),
);

// What dist/index.js has in it (scripts/bundle.cjs) and is more than functions: imported from its own module, it would be there twice.
const bundled =
  'loss/(async|losses|plain|plans|prepare|run)|native/(addon|backends|native)|ranks/(rank-tracker|ranks)';

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'prebuilds/', 'node_modules/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['lib/{metrics,data,tfjs,lab}/**', 'lib/presets/**'],
    // Not lib/cuda: it is a way of its own into the addon, and shares no state with the losses of the root.
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(\\./|(\\.\\./)+)(${bundled})\\.js$`,
              allowTypeImports: true,
              message: 'Take values from index.js: there is one copy of them in the bundle.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['lib/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'CallExpression[callee.property.name=/^(max|min|hypot|push|unshift|splice|fromCharCode|fromCodePoint|of)$/] > SpreadElement',
          message: 'A call takes some hundred thousand arguments at most: use a loop, or lib/extremes.ts.',
        },
      ],
    },
  },
  {
    // Programs talk to the terminal.
    files: ['**/*.mjs', '**/*.cjs', '**/*.js', 'bench/**', 'examples/**', 'lib/lab/cli/**'],
    languageOptions: { globals: nodeGlobals },
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: {
        ...nodeGlobals,
        require: 'readonly',
        module: 'readonly',
        __dirname: 'readonly',
        __filename: 'readonly',
      },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);

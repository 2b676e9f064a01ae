// Mutations of src/scoring: products, MaxSim, sparse vectors, blocks of queries, masks, search.
export default [
  {
    in: 'src/scoring',
    code: 'sum[r][v] = «first ? V(0.0f) : load(out + r * stride + v * kLanes)»;',
    to: 'V(0.0f)',
  },
  { in: 'src/scoring', code: 'panel[c] = «value - value == 0» ? value : 0;', to: 'true' },
  { in: 'src/scoring', code: 'const M better = «(x > most)» | (~(x == x)', to: '~(most > x)' },
  { in: 'src/scoring', code: '(x > most) | («~(x == x) & (most == most)»);', to: '~(x == x)' },
  { in: 'src/scoring', code: 'if («weights[i] == 0 || at[i] < 0») continue;', to: 'at[i] < 0' },
  { in: 'src/scoring', code: 'if («u && inverse - inverse != 0») u = nullptr;', to: 'false' },
  { in: 'src/scoring', code: 'const V minus = «-sum_lanes(along)»;', to: 'sum_lanes(along)' },
  {
    in: 'src/scoring/max_sim.cc',
    code: 'const bool counts = «!none && p.has_token(p.query_tokens[b] + t + c)»;',
    to: '!none',
  },
  {
    in: 'src/scoring/max_sim.cc',
    code: 'if (p.mean) sum = sum / «p.divisor(b)»;',
    to: 'float(p.tokens_of_query(b))',
  },
  { in: 'src/scoring/max_sim.cc', code: 'weights[i] = «grad[i] / divisor»;', to: 'grad[i]' },
  { in: 'src/scoring/sparse.cc', code: 'if («document >= 0 && weight != 0»)', to: 'document >= 0' },
  { in: 'src/scoring/sparse.cc', code: '«clear(query, dense)»;', to: '(void)0' },
  { in: 'src/scoring/all_pairs.cc', code: 'if («parts == 0 && g.first») std::fill(sums', to: 'parts == 0' },
  { in: 'src/scoring/all_pairs.cc', code: 'sums + c * columns, p.dim, part == 0 «&& g.first»);', to: '' },
  { in: 'src/scoring/scoring.cc', code: 'if («g.first») scale_grad = 0;', to: 'true' },
  {
    in: 'src/scoring/top.cc',
    code: 'return a.score > b.score || (a.score == b.score && «a.id < b.id»);',
    to: 'a.id > b.id',
  },
  { in: 'src/scoring/top.cc', code: 'if («one.score != one.score») continue;', to: 'false' },
  { in: 'src/scoring/check.cc', code: '«ids[i] >= terms» ||', to: 'ids[i] > terms' },
  { in: 'src/scoring/check.cc', code: '«ids[i] <= ids[i - 1]»', to: 'ids[i] < ids[i - 1]' },
  {
    in: 'src/scoring/check.cc',
    code: 'p.candidates[i] < -1 || «p.candidates[i] >= p.documents»',
    to: 'p.candidates[i] > p.documents',
  },
];

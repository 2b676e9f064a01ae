// Mutations of the CUDA backend (cuda/); seen by the suites of its emulator, which compiles the kernels for the host.
export default [
  { in: 'cuda', code: 'r.z = below + («tops - 1.0f»);', to: 'tops' },
  {
    in: 'cuda',
    code: 'top = __fmaf_rn(at_top, side.rest, «-(side.inverse * below)») * scale;',
    to: 'side.inverse * below',
  },
  { in: 'cuda', code: 'others = -(side.inverse * (1 / lift) * («below + at_top»));', to: 'below' },
  { in: 'cuda', code: 'lone = «side.tops == 1.0f»;', to: 'side.tops > 0' },
  { in: 'cuda', code: 'return «at_top && lone» ? top : below_top(e, h);', to: 'at_top' },
  { in: 'cuda', code: 'm.mean_negative = «all[1] * m.inverse_negative»;', to: 'all[1] * m.inverse_positive' },
  { in: 'cuda', code: 'else negative += «dn * dn»;', to: 'dp * dp' },
  { in: 'cuda', code: 'ranks[me] = valid ? «row.inverse_rank(j)» : 0;', to: '1' },
  {
    in: 'cuda',
    code: 'if (++taken % 64 == 0) «value += part_value, slope += part_slope, part_value = part_slope = 0»;',
    to: 'value = part_value, slope = part_slope, part_value = part_slope = 0',
  },
  {
    in: 'cuda',
    code: 'if (better) part_value += pair.value, «part_slope -= pair.slope»;',
    to: 'part_slope += pair.slope',
  },
  { in: 'cuda', code: 'if («batch.labels && batch.labels[i] == kPadding») return -infinity();', to: 'false' },
  {
    in: 'cuda',
    code: 'if («keys[low + half] > x») low += half + 1, n -= half + 1;',
    to: 'keys[low + half] >= x',
  },
  { in: 'cuda', code: 'inverse[i] = 1.0f / float(«above + 1»);', to: 'above + 2' },
  {
    in: 'cuda',
    code: 'rank += count_above(task.sorted + row.begin + tile, «left < kRankTile ? unsigned(left) : kRankTile», x);',
    to: 'kRankTile',
  },
  {
    in: 'cuda',
    code: 'return (valid ? kAnyDocument : 0) | (positive ? kAnyPositive : 0) | («negative ? kAnyNegative : 0»);',
    to: 'negative ? kAnyNegative | kAnyPositive : 0',
  },
  {
    in: 'cuda',
    code: 'for (int64_t i = from; i < to; i++) found |= «label_bits(0xffffff00u | labels[i])»;',
    to: 'label_bits(labels[i])',
  },
  {
    in: 'cuda',
    code: 'going = going && base < end && «(found & wanted) != wanted»;',
    to: '(found & wanted) == 0',
  },
  { in: 'cuda', code: 'return «level[0] > -level[1]» || (level[2]', to: 'level[0] >= -level[1]' },
  { in: 'cuda', code: 'sums[k] += «weight» * count(k)', to: '1.0' },
  {
    in: 'cuda',
    code: '«normaliser > 0 ? task.terms[k].weight / normaliser : 0», task.grad_scale',
    to: 'task.terms[k].weight / normaliser',
  },
  { in: 'cuda', code: 'if (!is_distribution(term.loss) || «!x.counts(term.needs)») continue;', to: 'false' },
  {
    in: 'cuda/rows/pairwise.cuh',
    code: 'student_factor(scale) * («row.task.pair_weighted ? 1 : 1 / state.pairs»)',
    to: '1 / state.pairs',
  },
  { in: 'cuda', code: 'gt += saturate(scale.weight * scale.batch.teacher) * «-slope» +', to: 'slope' },
  { in: 'cuda', code: 'const bool counted = distribution || «passes != 0»;', to: 'true' },
  { in: 'cuda', code: 'to.beta_scale = «batch.beta ? 1.0f : float(from.alpha)»;', to: 'float(from.alpha)' },
  {
    in: 'cuda',
    code: 'if («rereads_scores && out.grad.data == batch.student.data») keep_scores',
    to: 'false',
  },
  { in: 'cuda', code: 'for (int32_t& x : offsets_) x -= «r.offsets[0]»;', to: '0' },
  { in: 'cuda', code: 'if (row.student_score(i) >= threshold) *top = «fmaxf(*top, x)»;', to: 'x' },
  { in: 'cuda', code: 'ratio += float(term.weight) * (h0 == 0 ? -h1 : «-h1 - h0 / p»);', to: '-h1' },
  {
    in: 'cuda',
    code: 'each_masked([&](int j) { «es[j] = et[j] = -infinity()»; });',
    to: 'es[j] = -infinity()',
  },
  { in: 'cuda', code: 'x.rest = 1.0f - x.q.v;\n    if («top») x.rest = student.rest;', to: 'false' },
  {
    in: 'cuda',
    code: 'x.beta = task.terms[0].beta_scale * (bias_of(j) - «rank_mean»);',
    to: '0',
  },
  // rows of any length and alignment
  { in: 'cuda', code: 'bias_of(j) = reciprocal(float(«above[j] + 1»));', to: 'above[j] + 2' },
  { in: 'cuda', code: 'each_masked([&](int j) { bias_of(j) = «0»; });', to: '1' },
  { in: 'cuda', code: 'offset_in(y, P) | «unsigned(row.n) % P»;', to: '0' },
  {
    in: 'cuda',
    code: 'fetch<kWay, 1, P>(raw, reinterpret_cast<const char*>(row), vectors, «~0u»);',
    to: '0',
  },
  { in: 'cuda', code: 'if («low == 0») low =', to: 'false' },
  // rows that the fast path defers
  { in: 'cuda', code: 'if («__syncthreads_or(total.deferred)») {', to: 'false' },
  { in: 'cuda', code: 'if («total.deferred») add(total', to: 'false' },
  {
    in: 'cuda',
    code: 'const float value = «s.diverges» ? infinity() : s.value;\n            all',
    to: 'false',
  },
  { in: 'cuda', code: 'counted = «x.counts(term.needs)»;', to: 'true' },
  { in: 'cuda', code: 'x.rank_mean = «centred && x.positives > 0» ? sums[5]', to: 'false' },
  // what a device has room for
  { in: 'cuda', code: 'entry.elements > 0 && «!fits(entry)») continue', to: 'false' },
  { in: 'cuda', code: 'entry.cluster > 1 && «!fits(entry)») entry.cluster /= 2;', to: 'false' },
  // rows in an order
  {
    in: 'cuda',
    code: 'mine += «level > level_at(row, j)» ||',
    to: 'level >= level_at(row, j)',
  },
  {
    in: 'cuda',
    code: 'place += other > mine || («j < i && other == mine»);',
    to: 'j > i && other == mine',
  },
  {
    in: 'cuda',
    code: 'if (!(«float(place) <= k»)) return 0;',
    to: 'true',
  },
  {
    in: 'cuda',
    code: '|| «fminf(rank, ranks[j]) > k») return;',
    to: 'false',
  },
  {
    in: 'cuda',
    code: 'rank += other > level ? 1 : «other == level ? 0.5 : 0»;',
    to: '0',
  },
  {
    in: 'cuda',
    code: 'if («j != i») part += loss.step',
    to: 'true',
  },
  {
    in: 'cuda',
    code: 'return level_j < level_i || («level_j == level_i && j >= i»);',
    to: 'false',
  },
  {
    in: 'cuda',
    code: 'double(«chosen(row.task, term, row.row, i) - 1»)) + state.poison;',
    to: 'chosen(row.task, term, row.row, i)',
  },
  {
    in: 'cuda',
    code: 'const float near = float(discount(distance) - «discount(distance + 1)»);',
    to: '0.0',
  },
];

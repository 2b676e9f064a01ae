// Mutations of the CPU backend (src/cpu): passes over rows, layouts, labels, ranks, pairs, threads, reductions.
export default [
  // softmax and terms
  { in: 'src/cpu', code: 'r.z = lifted_z_below * V(1 / kLifted) + («tops - V(1.0f)»);', to: 'tops' },
  { in: 'src/cpu', code: 'r.rest = «r.z * r.inverse»;\n  return r;', to: 'V(1.0f) - r.inverse' },
  { in: 'src/cpu', code: 'none_s = «none_s | is_infinite_or_nan(bs)», none_t', to: 'none_s' },
  {
    in: 'src/cpu',
    code: 'select((«r.student.tops > V(0.0f)») & (r.teacher.tops > V(0.0f))',
    to: 'r.student.tops == r.student.tops',
  },
  { in: 'src/cpu', code: 'x.d = load(w.gap + slot) + «gap»;', to: '-gap' },
  { in: 'src/cpu', code: 'x.beta = «V(term.beta_scale)» * a.rank_bias(i, slot);', to: 'V(1.0f)' },
  {
    in: 'src/cpu',
    code: 'const M no_q = ~(infinity() > x.d), has_p = «x.d > -infinity()»;',
    to: 'x.d == x.d',
  },
  { in: 'src/cpu', code: 'M infinite = «no_q & loss.diverges(positive, has_p)»;', to: 'no_q' },
  { in: 'src/cpu', code: 'store(w.h + slot, mix.first ? h : «load(w.h + slot) + h»);', to: 'h' },
  { in: 'src/cpu', code: 'store(w.u + slot, mix.first ? u : «load(w.u + slot) + u»);', to: 'u' },
  {
    in: 'src/cpu',
    code: 'const V contribution = «select(mix.counted, sum * mix.contribution, zero)»;',
    to: 'sum * mix.contribution',
  },
  {
    in: 'src/cpu',
    code: 'top = fma(at_top, side.rest, «-(side.inverse * below)»);',
    to: 'side.inverse * below',
  },
  { in: 'src/cpu', code: 'others = -(side.lowering * («below + at_top»));', to: 'below' },
  {
    in: 'src/cpu',
    code: 'lone = select(«side.tops == V(1.0f)», V(kLifted), V(2 * kLifted));',
    to: 'side.tops > V(0.0f)',
  },
  { in: 'src/cpu', code: 'a.put(a.grad, i, slot, select(«none», zero, g), live);', to: '~counted' },
  {
    in: 'src/cpu',
    code: 'r.value = select(counted, «select(clean, r.value, not_a_number())», zero);',
    to: 'r.value',
  },
  // layouts
  {
    in: 'src/cpu',
    code: 'if (i < n) body(n - kLanes, i, «lanes_from(kLanes - (int)(n - i))»);',
    to: 'lanes_from(0)',
  },
  {
    in: 'src/cpu',
    code: 'ms = max(max(max(m[0], m[1]), max(m[2], m[3])), «load(s + n - kLanes)»);',
    to: 'm[0]',
    equivalent: 'a score above the maximum sends the row to the general kind, with the same bits',
  },
  { in: 'src/cpu', code: 'memset(padded, «kPadding», (size_t)(kLanes * g.n));', to: '0' },
  { in: 'src/cpu', code: 'even &= «lengths[row] == g.n»;', to: 'lengths[row] <= g.n' },
  // labels
  {
    in: 'src/cpu',
    code: 't.with_both += c.positives > 0 && «documents > c.positives»;',
    to: 'n > c.positives',
  },
  { in: 'src/cpu', code: 'return «!any(bit_set(seen, (int32_t)0xfefefefe))» && !(rest', to: 'true' },
  { in: 'src/cpu', code: 'rest |= «eight_labels(y + n - 8)»;', to: '0' },
  { in: 'src/cpu', code: 'if (c.other) t.invalid = «b»;', to: '-1' },
  // ranks and pairs
  { in: 'src/cpu', code: 'rank[k] = count(«other > x[k]», rank[k]);', to: '~(x[k] > other)' },
  { in: 'src/cpu', code: 'if («labels[i] == kPadding») scratch[i] = -__builtin_inff();', to: 'false' },
  {
    in: 'src/cpu',
    code: 'store(inverse + i, select(some, «load(inverse + i) - mean», V(0.0f)));',
    to: 'load(inverse + i)',
  },
  { in: 'src/cpu/ordering.cc', code: 'const float x = «score + 0.0f»;', to: 'score' },
  {
    in: 'src/cpu/ordering.cc',
    code: 'return «u & 0x80000000 ? u : ~u & 0x7fffffff»;',
    to: 'u & 0x80000000 ? ~u : u | 0x80000000',
  },
  { in: 'src/cpu/ordering.cc', code: 'if (from[i].key != from[first].key) first = «i»;', to: 'first' },
  {
    in: 'src/cpu/ordering.cc',
    code: 'pairs -= «(i - first) * (i - first - 1) / 2»;',
    to: '(i - first) * (i - first) / 2',
  },
  {
    in: 'src/cpu/ordering.cc',
    code: 'labels, int32_t(i)))) << 32 | «uint64_t(i)»;',
    to: '0',
  },
  {
    in: 'src/cpu',
    code: 'square_n = masked_add(«~(positive | masked)» & live, square_n, dn * dn);',
    to: '~positive',
  },
  { in: 'src/cpu', code: 'mean = 1.0 / (double)«pairs»;', to: '(pairs + 1)' },
  {
    in: 'src/cpu/pairwise.h',
    code: 'if ((j - from) % kChunk == kChunk - kLanes) «chunk = chunk + value, value = zero»;',
    to: 'chunk = value, value = zero',
  },
  {
    in: 'src/cpu',
    code: 'const double multiplicity = x.task.pair_weighted ? «(double)pairs» : 1,',
    to: '1.0',
  },
  { in: 'src/cpu', code: 'const M live = «level > load(w.levels + j)»;', to: 'lanes_from(0)' },
  {
    in: 'src/cpu',
    code: 'store(w.levels + k, «select(bit_set(label, 0x80), above_all, to_float(label))»);',
    to: 'to_float(label)',
  },
  // padding
  {
    in: 'src/cpu',
    code: 'if constexpr (Masked) g = «select(a.masked(i, slot), V(0.0f), g)»;',
    to: 'g - V(0.0f)',
  },
  { in: 'src/cpu', code: 'if (padded) «clear_padding(words, g.n)»;', to: '(void)0' },
  { in: 'src/cpu', code: 'return g.begin[g.live - 1] + «g.n» <= task_.batch.rows.extent();', to: '0' },
  {
    in: 'src/cpu',
    code: 'right &= all_right(ranks, labels, n, [](auto r, I) { return «wrong_ranks(r)»; });',
    to: 'lanes_from(kLanes)',
  },
  // diagnostics
  { in: 'src/cpu', code: 'const V g = select(h0 == zero, -h1, «-h1 - h0 / p»);', to: '-h1 + h0 / p' },
  {
    in: 'src/cpu',
    code: 'const M best[2] = {lanes_from(0), «~(threshold > a.student(i, slot))»};',
    to: 'a.student(i, slot) > threshold',
  },
  { in: 'src/cpu', code: 'if («any(load(a.s + i) > V(best[kBest - 1]))»)', to: 'false' },
  // ranks of long rows
  { in: 'src/cpu', code: 'higher_behind = count(load(w.order + k + «d») > x, higher_behind);', to: '1' },
  {
    in: 'src/cpu',
    code: 'not_higher_before = count(«~(load(w.order + k - d) > x)», not_higher_before);',
    to: 'x > load(w.order + k - d)',
  },
  { in: 'src/cpu', code: 'if (most > «kFullestBucket») return false;', to: '1u << 30' },
  { in: 'src/cpu', code: 'w.order[place] = labels && «labels[i] == kPadding» ? low : s[i];', to: 'false' },
  {
    in: 'src/cpu',
    code: 'if (rest) memcpy(out + whole, slots + whole + «(kLanes - rest)», sizeof(float) * (size_t)rest);',
    to: '0',
  },
  // the engine, threads, means
  {
    in: 'src/cpu',
    code: 'fast_ = single_ && !table.pairwise && !teacher_ && «task.terms[0].weight == 1» && !task.contributions;',
    to: 'true',
  },
  {
    in: 'src/cpu',
    code: ': V(saturate(1.0 / «task_.teacher_temperature»));',
    to: 'task_.student_temperature',
  },
  { in: 'src/cpu', code: 'weights[j] = weight(rows[«j < live ? j : 0»]);', to: '0' },
  {
    in: 'src/cpu',
    code: 'low = x > kMax ? 0.0f : «float(x - double(high))»;',
    to: '0.0f',
    equivalent:
      'what the second float of 1/T adds is no more than the rounding of the scaled score, within what is promised',
  },
  { in: 'src/cpu', code: 'all.labels.binary &= «s.labels.binary»;', to: 'true' },
  {
    in: 'src/cpu',
    code: '«all.labels.binary &= s.labels.binary»;',
    to: 'all.labels.binary = s.labels.binary',
  },
  { in: 'src/cpu', code: 'all.labels.with_both += «s.labels.with_both»;', to: '0' },
  {
    in: 'src/cpu',
    code: 'return plan_.pair_mean == PairMean::batch ? «double(pairs)» : double(pairs > 0);',
    to: 'double(pairs > 0)',
  },
  { in: 'src/cpu', code: 'const bool all = counted == queries «&& !by_pairs»;', to: '' },
  {
    in: 'src/cpu',
    code: 'if (!batch_.weights) return double(«by_pairs ? scan.pairs[term].pairs : counted»);',
    to: 'counted',
  },
  {
    in: 'src/cpu',
    code: 'if (t.loss == LossId::ckl) least_gamma_ = «std::min(least_gamma_, t.gamma)»;',
    to: 'std::max(least_gamma_ == 1e300 ? 0 : least_gamma_, t.gamma)',
  },
  {
    in: 'src/cpu',
    code: 'to.beta_scale = «batch.beta ? 1.0f : float(from.alpha)»;',
    to: 'float(from.alpha)',
  },
  {
    in: 'src/cpu',
    code: 'term.loss_scale = «normaliser > 0 ? term.weight / normaliser : 0»;',
    to: 'term.weight / normaliser',
  },
  {
    in: 'src/cpu',
    code: ': task.batch.weights ? «double(task.batch.weights[b]) * task.out.per_query[b]»',
    to: 'task.out.per_query[b]',
  },
  { in: 'src/cpu/slices.h', code: 'if (k == slices) return «rows.queries»;', to: 'rows.queries - 1' },
  {
    in: 'src/cpu/slices.h',
    code: '«b / 16 * 16» : b;',
    to: 'b',
    equivalent: 'bits do not depend on where a batch is cut: another cut costs time only',
  },
  {
    in: 'src/cpu/pool.cc',
    code: 'shares_[k].end = int(int64_t(slices) * («k + 1») / workers);',
    to: 'k + 1 - (k == workers - 1)',
  },
  {
    in: 'src/cpu',
    code: 'const bool negative = «batch.labels[i] == 0» && positives > 0;',
    to: 'batch.labels[i] != kPositive',
  },
  // rows in an order
  {
    in: 'src/cpu/ordering.cc',
    code: 'discount(double(«r + 1»))',
    to: 'r + 2',
  },
  {
    in: 'src/cpu/ordering.cc',
    code: 'if (m == 0 || «!(levels[order[0]] > 0)»)',
    to: 'false',
  },
  {
    in: 'src/cpu/term_passes.h',
    code: 'infinite = infinite | «~(no_q | has_p)»;',
    to: '~(no_q | ~no_q)',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'level = «of[i] == -__builtin_inff() ? 0 : of[i]»;',
    to: 'of[i]',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'inverse_temperature = «1 / x.task.teacher_temperature»;',
    to: '1',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'poison += «(s - s)» + (level - level);',
    to: '0.0f',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'lower <= i || «levels.of[order[lower]] == levels.of[order[i]]»',
    to: 'false',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'if ((j - lower) % kChunk == kChunk - kLanes) «chunk = chunk + value, value = zero»;',
    to: 'chunk = value, value = zero',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'const int64_t k = «most < (double)m ? (int64_t)most : m»;',
    to: 'm',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'gain_low[r] = «(float)(g - (double)gain_high[r])»;',
    to: '0.0f',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'load(near + («j - i»))',
    to: 'j - i - 1',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'select(better, lead, «-lead»)',
    to: 'lead',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'rank[k] = k == first ? «(float)(1 + 0.5 * (double)(first + last))» : rank[first];',
    to: '(float)(1 + first)',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'total += gap * gap * «weight»;',
    to: '1.0',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'largest[k] = most = «scores[k] > most ? scores[k] : most»;',
    to: 'scores[k]',
  },
  {
    in: 'src/cpu/listwise.h',
    code: 'if (k > 0) sum = «(double)a[k - 1] * sum»;',
    to: 'sum',
  },
];

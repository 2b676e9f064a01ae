// Mutations of the losses' formulas (src/losses) and of the checks of values (src/core).
export default [
  // kl, bkl, nll, klLogL
  { in: 'src/losses/kl.h', code: 'return {value, «-x.p», value + x.p};', to: 'x.p' },
  { in: 'src/losses/kl.h', code: 'return {value, -x.p, «value + x.p»};', to: 'value - x.p' },
  { in: 'src/losses/bkl.h', code: 'entropy = «lq * x.minus_ln_q»;', to: '-lq * x.minus_ln_q' },
  {
    in: 'src/losses/bkl.h',
    code: 'return {kl + «select(x.positive, -entropy, l1)», select',
    to: 'select(x.positive, -entropy, lq)',
  },
  { in: 'src/losses/bkl.h', code: 'select(x.positive, «lq - entropy», l1) - x.p', to: 'lq + entropy' },
  { in: 'src/losses/nll.h', code: 'select(x.positive, «-x.share», zero)', to: '-x.share * x.rest' },
  {
    in: 'src/losses/nll.h',
    code: 'M diverges(M positive, M /*has_teacher*/) const {\n    return «positive»;',
    to: 'positive & ~positive',
  },
  { in: 'src/losses/kl_log_l.h', code: 'fma(V(nll_weight), nll.h, «kl.h»)', to: 'kl.value' },
  {
    in: 'src/losses/kl_log_l.h',
    code: 'return nll_weight > 0 ? «positive | has_teacher» : has_teacher;',
    to: 'positive & has_teacher',
  },
  // ckl
  {
    in: 'src/losses/ckl.h',
    code: 'const V b = select(x.positive, «x.rest», x.q);',
    to: 'V(1.0f) - x.q + x.q * x.q',
  },
  {
    in: 'src/losses/ckl.h',
    code: 'select(x.positive, «-(x.q * wp) * x.d», value), -w)',
    to: '(x.q * wp) * x.d',
  },
  {
    in: 'src/losses/ckl.h',
    code: 'const V e = Biased ? «V(gamma) - x.beta» : V(gamma);',
    to: 'V(gamma) + x.beta',
  },
  { in: 'src/losses/ckl.h', code: 'V slope = «e» * (w * x.d);', to: 'V(gamma)' },
  { in: 'src/losses/ckl.h', code: 'w = select(x.positive, «wp * x.rest», w);', to: 'wp' },
  {
    in: 'src/losses/ckl.h',
    code: 'return {value, detached ? -w : «slope - w», value + w};',
    to: 'slope + w',
  },
  { in: 'src/losses/ckl.h', code: 'exp_minus(«V(1.0f - gamma) * ln(b)»)', to: 'V(-gamma) * ln(b)' },
  {
    in: 'src/losses/ckl.h',
    code: 'w = select(x.positive, w, «(x.p * x.mass) * x.unit»);',
    to: 'x.p * x.mass',
  },
  {
    in: 'src/losses/ckl.h',
    code: 'return «gamma <= kLargestWholeGamma» && gamma == (float)(int)gamma;',
    to: 'true',
    equivalent:
      'between 64 and 2^31 a whole gamma by multiplication has the same value as by exp and ln, within the accuracy promised; the bound is about speed',
  },
  // pairs
  { in: 'src/losses/pair.h', code: 'return {«hinge + ln1p(z)», select', to: 'ln1p(z)' },
  { in: 'src/losses/pair.h', code: 'select(right, «z * inverse», inverse)', to: 'inverse' },
  {
    in: 'src/losses/margin_mse.h',
    code: 'const V gap = «mean_positive - mean_negative»;',
    to: 'mean_positive + mean_negative',
  },
  { in: 'src/losses/margin_mse.h', code: 'return («V(2.0f) * inverse») * (e - other);', to: 'inverse' },
  // checks
  { in: 'src/core/check.cc', code: '«rows.stride < rows.docs») return', to: 'rows.stride + 1 < rows.docs' },
  {
    in: 'src/core/check.cc',
    code: 'rows.queries - 1 > «(INT64_MAX - rows.docs) / rows.stride»',
    to: 'INT64_MAX',
  },
  {
    in: 'src/core/check.cc',
    code: 'if («elements < rows.extent()») return',
    to: 'elements + 1 < rows.extent()',
  },
  {
    in: 'src/core/check.cc',
    code: 'for (int64_t b = 0; «b <= rows.queries»; b++) {\n    const int32_t from',
    to: 'b < rows.queries',
  },
  {
    in: 'src/core/check.cc',
    code: 'from = «b == 0 ? 0 : rows.offsets[b - 1]»;',
    to: 'b == 0 ? INT32_MIN : rows.offsets[b - 1]',
  },
  {
    in: 'src/core/check.cc',
    code: 'if (rows.offsets[b] < from || «rows.offsets[b] > elements»)',
    to: 'rows.offsets[b] > elements + 1',
  },
  {
    in: 'src/core/check.cc',
    code: 'any |= «(batch.labels[i] != kPadding)» & wrong(i);',
    to: '(batch.labels[i] == kPositive)',
  },
  { in: 'src/core/check.cc', code: 'return Status::at(code, argument, b, «i - begin», value(i));', to: 'i' },
  { in: 'src/core/check.cc', code: 'return !(«ranks[i] >= 1»);', to: 'ranks[i] >= 0' },
  { in: 'src/core/check.cc', code: 'const double most = «gamma - 1»;', to: 'gamma' },
  { in: 'src/core/check.cc', code: 'return «(labels[i] == 0)» & !(', to: '(labels[i] == kPositive)' },
  { in: 'src/core/check.cc', code: '& «(beta[i] >= -3.402823466e38f)»);', to: 'true' },
  {
    in: 'src/core/check.cc',
    code: 'return !(«relevance[i] - relevance[i] == 0»);',
    to: 'relevance[i] == relevance[i]',
  },
  {
    in: 'src/core/check.cc',
    code: 'if (!(batch.weights[b] >= 0) || «std::isinf(batch.weights[b])»)',
    to: 'false',
  },
  { in: 'src/core/check.cc', code: 'if («y > 1» && y != kPadding)', to: 'y > 2' },
  // reverseKl, jsd, rankNet, listMle, adrMse, lambdaNdcg
  {
    in: 'src/losses/reverse_kl.h',
    code: 'return {«zero - x.mass * x.d», zero - x.mass *',
    to: 'zero - x.p * x.d',
  },
  {
    in: 'src/losses/reverse_kl.h',
    code: 'select(x.d > least, x.d, least), «zero - x.mass»}',
    to: 'x.mass',
  },
  {
    in: 'src/losses/jsd.h',
    code: 'ln(fma(select(more_p, «of_q», of_p), z',
    to: 'of_p',
  },
  {
    in: 'src/losses/jsd.h',
    code: '(of_q * x.mass) * select(more_p, «larger - x.d», larger)',
    to: 'larger',
  },
  {
    in: 'src/losses/jsd.h',
    code: 'return {«u + h», h, u};',
    to: 'u',
  },
  {
    in: 'src/losses/list_mle.h',
    code: 'return «ln(z) + below»;',
    to: 'ln(z) - below',
  },
  {
    in: 'src/losses/list_mle.h',
    code: 'fma(b, w, «V(-1.0f)»)',
    to: 'V(0.0f)',
  },
  {
    in: 'src/losses/adr_mse.h',
    code: '(V(steepness) * («ci - cj»))',
    to: 'ci + cj',
  },
  {
    in: 'src/losses/adr_mse.h',
    code: 'far = «z * near»;',
    to: 'near',
  },
  {
    in: 'src/losses/lambda_ndcg.h',
    code: 'fma(«V(mu)», near, far)',
    to: 'V(1.0f)',
  },
  {
    in: 'src/losses/lambda_ndcg.h',
    code: 'fma(V(mu), near, «far»)',
    to: 'V(0.0f)',
  },
  {
    in: 'src/losses/gain.h',
    code: 'return «gain_and_one(level, top) - exp2_exact(-top)»;',
    to: 'gain_and_one(level, top)',
  },
  {
    in: 'src/losses/gain.h',
    code: 'return 1 / log2_exact(«1 + place»);',
    to: '2 + place',
  },
];

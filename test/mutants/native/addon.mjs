// Mutations of how JavaScript's arguments are read (src/addon); seen by the suites in JavaScript.
export default [
  {
    in: 'src/addon/arguments.h',
    code: 'if (a.type == type && «a.length >= needed») return static_cast<T*>(a.data);',
    to: 'true',
  },
  {
    in: 'src/addon/arguments.h',
    code: 'if («a.type == type» && a.length >= needed) return',
    to: 'a.present',
  },
  {
    in: 'src/addon/arguments.h',
    code: 'else if («a.length < needed») fail(Status::size(argument, double(a.length), double(needed)));\n    return {static_cast<Byte*>',
    to: 'false',
  },
  {
    in: 'src/addon/arguments.h',
    code: 'if (a.type != «wanted») fail({Code::type, argument});',
    to: 'a.type',
  },
  {
    in: 'src/addon/arguments.h',
    code: 'if («a.length < needed») fail(Status::size(Argument::ranks',
    to: 'false',
  },
  { in: 'src/addon/arguments.h', code: 'napi_int32_array, «r.queries + 1», true);', to: 'r.queries' },
  { in: 'src/addon/arguments.h', code: 'queries >= 0 && queries <= kMost && «docs >= 0» &&', to: 'true' },
  { in: 'src/addon/arguments.h', code: 'code >= 0 && «code <= 2» ? int(code) : 3;', to: 'code <= 3' },
  { in: 'src/addon/plan_call.cc', code: 'if («labels.length < needed») in.fail', to: 'false' },
  { in: 'src/addon/plan_call.cc', code: 'batch.weights = in.floats(Argument::weights, «queries»);', to: '0' },
  {
    in: 'src/addon/plan_call.cc',
    code: 'if («plan.needs_teacher(batch.relevance != nullptr) && !teacher.present») in.fail',
    to: 'false',
  },
  {
    in: 'src/addon/plan_call.cc',
    code: 'out.per_query = in.floats(Argument::per_query, «queries», false);',
    to: '0',
  },
  {
    in: 'src/addon/specification.cc',
    code: 'require(env, «plan->student_temperature > 0» && std::isfinite(plan->student_temperature)',
    to: 'true',
  },
  {
    in: 'src/addon/specification.cc',
    code: '"pairMean").ToString()) == "batch" ? «PairMean::batch» : PairMean::query;',
    to: 'PairMean::query',
  },
];

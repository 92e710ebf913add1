// The runner: from what to run to the steps of the child, and to the filter.
#include <benchmark/benchmark.h>

#include "base/digest.hpp"
#include "runner/capabilities.hpp"
#include "runner/compile.hpp"
#include "runner/seccomp_bpf.hpp"
#include "runner/seccomp_profile.hpp"

namespace layerbox::bench {
namespace {

RunSpec ordinary_run() {
  RunSpec spec;
  spec.container_id = std::string(Digest::kHexChars, 'b');
  spec.rootfs.anchor = "/store";
  spec.rootfs.kind = RootfsKind::overlay;
  spec.rootfs.lower = {"layers/sha256/a/tree"};
  spec.rootfs.upper = "containers/b/upper";
  spec.rootfs.work = "containers/b/work";
  spec.rootfs.attach = "containers/b/attach";
  spec.process.args = {"/bin/true"};
  spec.process.capabilities = default_capabilities();
  spec.id_map = IdMap::shifted(700'000, 65'536);
  spec.masked_paths = default_masked_paths();
  spec.read_only_paths = default_read_only_paths();
  return spec;
}

void compile_run(benchmark::State& state) {
  const RunSpec spec = ordinary_run();
  const HostFacts facts;
  for (auto _ : state)
    benchmark::DoNotOptimize(compile(spec, facts));
}
BENCHMARK(compile_run)->Unit(benchmark::kMicrosecond);

void compile_filter(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(seccomp_program(default_seccomp_policy(SeccompArch::x86_64, 0)));
}
BENCHMARK(compile_filter)->Name("seccomp_program")->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace layerbox::bench

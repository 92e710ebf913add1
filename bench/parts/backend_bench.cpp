// Backends: a root file system made, and removed; a view walked through.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "layers/backend/backend.hpp"
#include "sample_store.hpp"

namespace layerbox::bench {
namespace {

void prepare_and_discard(benchmark::State& state, const BackendEntry& entry, Shape shape) {
  SampleStore& sample = SampleStore::get();
  const BackendProbe probe = entry.probe(sample.store(), Remember::yes);
  if (!probe.works) return state.SkipWithError(probe.reason.c_str());
  const std::vector<LayerKey> layers = sample.chain(shape);
  const auto backend = entry.open(sample.store());
  NoProgress nobody;
  const auto once = [&](const ContainerLease& container) {
    benchmark::DoNotOptimize(backend->prepare(container, layers, Access::throw_away, nobody));
    backend->discard(container);
  };
  once(sample.new_container(layers)); // what is made once for an image
  for (auto _ : state) {
    state.PauseTiming();
    const ContainerLease container = sample.new_container(layers);
    state.ResumeTiming();
    once(container);
    state.PauseTiming();
    sample.remove_container(container.state().id);
    state.ResumeTiming();
  }
}

const bool kRegistered = [] {
  for (const BackendEntry& entry : backends())
    for (const Shape shape : {Shape{1, 100}, Shape{1, 10'000}, Shape{100, 100}}) {
      const std::string name = fmt::format("prepare_and_discard/{}/layers:{}/files:{}", entry.name,
                                           shape.layers, shape.layers * shape.files);
      benchmark::RegisterBenchmark(
          name.c_str(),
          [&entry, shape](benchmark::State& s) { prepare_and_discard(s, entry, shape); })
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
    }
  return true;
}();

} // namespace
} // namespace layerbox::bench

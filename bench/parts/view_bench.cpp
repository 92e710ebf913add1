// Views: an image's trees opened, and walked through as one.
#include <benchmark/benchmark.h>

#include "layers/view/rootfs_view.hpp"
#include "sample_store.hpp"

namespace layerbox::bench {
namespace {

void open_trees(benchmark::State& state) {
  SampleStore& sample = SampleStore::get();
  const auto layers = sample.chain({static_cast<std::size_t>(state.range(0)), 100});
  for (auto _ : state)
    benchmark::DoNotOptimize(open_layer_trees(sample.store(), layers));
}
BENCHMARK(open_trees)
    ->Name("open_layer_trees/layers")
    ->Arg(1)
    ->Arg(100)
    ->Unit(benchmark::kMicrosecond);

std::size_t count_below(std::span<const TreeRef> trees, const RelPath& path,
                        std::span<const std::size_t> sources) {
  std::size_t count = 0;
  for (const MergedEntry& entry : merged_entries(trees, path, sources)) {
    ++count;
    if (S_ISDIR(entry.status.st_mode))
      count += count_below(trees, path.child(entry.name), entry.trees);
  }
  return count;
}

void walk(benchmark::State& state, Shape shape) {
  SampleStore& sample = SampleStore::get();
  const RootfsView view = view_of(open_layer_trees(sample.store(), sample.chain(shape)));
  const std::vector<TreeRef> trees = tree_refs(view);
  std::size_t names = 0;
  for (auto _ : state)
    names = count_below(trees, RelPath(), all_trees(trees.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(names) * state.iterations());
}
BENCHMARK_CAPTURE(walk, layers : 1 / files : 10000, Shape{1, 10'000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(walk, layers : 100 / files : 10000, Shape{100, 100})
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace layerbox::bench

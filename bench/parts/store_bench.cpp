// The store: what a start asks it, by how much is in it.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "sample_store.hpp"

namespace layerbox::bench {
namespace {

void open_store(benchmark::State& state) {
  const std::string path = SampleStore::get().store().path();
  const Identity identity = current_identity();
  for (auto _ : state)
    benchmark::DoNotOptimize(Store::open(path, identity));
}
BENCHMARK(open_store)->Unit(benchmark::kMicrosecond);

// The database is opened, and asked once, as a start does.
void resolve(benchmark::State& state) {
  SampleStore& sample = SampleStore::get();
  sample.grow_to(static_cast<std::size_t>(state.range(0)));
  const Identity identity = current_identity();
  const std::string name = fmt::format("image-{}", state.range(0) / 2);
  for (auto _ : state) {
    Store store = Store::open(sample.store().path(), identity);
    benchmark::DoNotOptimize(store.catalog().resolve_image(name));
  }
}
BENCHMARK(resolve)
    ->Name("open_and_resolve/images")
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->Unit(benchmark::kMicrosecond);

void parse_reference(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(ImageRef::parse("registry.example/some/longer/name:12.4-slim"));
}
BENCHMARK(parse_reference);

void list(benchmark::State& state) {
  SampleStore& sample = SampleStore::get();
  const std::vector<LayerKey> layers = sample.chain({1, 1});
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    ids.push_back(sample.new_container(layers).state().id);
  for (auto _ : state)
    benchmark::DoNotOptimize(list_containers(sample.store()));
  for (const std::string& id : ids)
    sample.remove_container(id);
}
BENCHMARK(list)
    ->Name("list_containers/containers")
    ->Arg(1)
    ->Arg(100)
    ->Arg(1'000)
    ->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace layerbox::bench

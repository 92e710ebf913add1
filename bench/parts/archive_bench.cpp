// Archives: hashing, inflating, unpacking. Bytes are those of the plain tar.
#include <benchmark/benchmark.h>

#include <optional>

#include "base/digest.hpp"
#include "layers/oci/compressing_sink.hpp"
#include "layers/tar/unpack_layer.hpp"
#include "sample_store.hpp"

namespace layerbox::bench {
namespace {

void count_bytes(benchmark::State& state, std::size_t bytes_each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes_each) * state.iterations());
}

void hash(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state)
    benchmark::DoNotOptimize(sha256(bytes));
  count_bytes(state, bytes.size());
}
BENCHMARK(hash)->Name("sha256/bytes")->Arg(64)->Arg(4096)->Arg(1 << 20);

void inflate(benchmark::State& state, Compression compression) {
  const std::string tar = sample_layer(0, 5'000);
  StringSink packed;
  const auto sink = make_compressing_sink(packed, compression);
  sink->write(std::as_bytes(std::span(tar)));
  sink->finish();
  const std::string bytes = packed.take();
  std::vector<std::byte> buffer(256 * 1024);
  for (auto _ : state) {
    const auto plain = open_decompressed(std::make_unique<MemorySource>(bytes), compression);
    while (plain->read(buffer) > 0) {
    }
  }
  count_bytes(state, tar.size());
}
BENCHMARK_CAPTURE(inflate, gzip, Compression::gzip)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(inflate, zstd, Compression::zstd)->Unit(benchmark::kMillisecond);

// Read, hashed, checked, written to files of 1.5 KiB; not synced.
void unpack(benchmark::State& state) {
  Store& store = SampleStore::get().store();
  const std::string tar = sample_layer(0, static_cast<std::size_t>(state.range(0)));
  const ImportLimits limits;
  for (auto _ : state) {
    MemorySource source(tar);
    state.PauseTiming();
    std::optional<Staging> staging(store.new_staging());
    state.ResumeTiming();
    unpack_layer(source, staging->dir(), "layer", limits, store.identity(), [](std::uint64_t) {});
    state.PauseTiming();
    staging.reset(); // removes it
    state.ResumeTiming();
  }
  count_bytes(state, tar.size());
  state.SetItemsProcessed(state.range(0) * state.iterations());
}
BENCHMARK(unpack)->Name("unpack_layer/files")->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace layerbox::bench

#include "cli/bench/measure.hpp"

#include <fmt/format.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "cli/bench/probe_program.hpp"
#include "cli/new_container.hpp"

namespace layerbox::bench {
namespace {

constexpr const char* kProbeFile = "probe";

std::int64_t free_bytes_after_sync(FdRef root) {
  syncfs_fd(root, "the store");
  struct statfs status {};
  if (::fstatfs(root.get(), &status) != 0) throw_errno(errno, "statfs of the store");
  return static_cast<std::int64_t>(status.f_bfree) * static_cast<std::int64_t>(status.f_bsize);
}

class BackendTurn : public Turn {
 public:
  BackendTurn(Store& store, const BackendEntry& entry, const Subject& subject,
              const PlacedProbe& probe, const Wish& wish)
      : store_(store), entry_(entry), subject_(subject), probe_(probe), wish_(wish),
        backend_(entry.open(store)), samples_({std::string(entry.name)}) {}

  void take(std::uint32_t round) override {
    with_context([&] { return fmt::format("measuring backend {}", entry_.name); },
                 [&] {
                   prepare_and_discard(round);
                   start(round);
                   work(round);
                   if (round == 0 || round > kCostlyRounds) return;
                   take_disk(round);
                   start_several(round);
                 });
  }

  Contender result() const override {
    Contender result = samples_.result();
    result.entries = entries_;
    return result;
  }

 private:
  NewContainer container() {
    RunFlags flags;
    flags.operands = {subject_.image.row.id.str()};
    Origin origin = find_origin(&store_, flags);
    ContainerState state = first_state(origin, flags, new_container_id(), {probe_.inside});
    return NewContainer(store_, origin, &entry_, std::move(state));
  }

  void prepare(NewContainer& container) {
    NoProgress quiet;
    (void)backend_->prepare(container.lease(), subject_.image.row.layers, Access::throw_away,
                            quiet);
  }

  void prepare_and_discard(std::uint32_t round) {
    NewContainer one = container();
    const std::int64_t began = monotonic_ns();
    prepare(one);
    const std::int64_t prepared = monotonic_ns();
    backend_->discard(one.lease());
    samples_.add(Metric::prepare, round, prepared - began);
    samples_.add(Metric::teardown, round, monotonic_ns() - prepared);
  }

  void take_disk(std::uint32_t round) {
    const std::int64_t before = free_bytes_after_sync(store_.root());
    NewContainer one = container();
    prepare(one);
    // Others may have freed more meanwhile.
    samples_.add(Metric::disk, round,
                 std::max<std::int64_t>(before - free_bytes_after_sync(store_.root()), 0));
  }

  Started run(std::vector<std::string> words) const {
    std::vector<std::string> all{"layerbox",
                                 "run",
                                 "--root",
                                 store_.path(),
                                 "--quiet",
                                 "--backend",
                                 std::string(entry_.name),
                                 "--network",
                                 "none",
                                 "--user",
                                 "0:0",
                                 "--workdir",
                                 "/",
                                 "--entrypoint",
                                 probe_.inside,
                                 "-v",
                                 fmt::format("./{}:{}:ro", probe_.file, probe_.inside),
                                 subject_.image.row.id.str()};
    all.insert(all.end(), words.begin(), words.end());
    return {all, "/proc/self/exe", probe_.directory};
  }

  void start(std::uint32_t round) { samples_.add_start(round, run({"first"}).finish()); }

  void work(std::uint32_t round) {
    const auto path = [](const std::optional<ChosenFile>& file) { return file ? file->path : ""; };
    const Outcome outcome = run({"work", path(subject_.small), path(subject_.large)}).finish();
    take_write(outcome, "small", Metric::write_small, round);
    take_write(outcome, "large", Metric::write_large, round);
    samples_.add(Metric::walk, round, outcome.number("walk"));
    entries_ = static_cast<std::uint64_t>(outcome.number("walk", 1));
  }

  void take_write(const Outcome& outcome, const char* word, Metric metric, std::uint32_t round) {
    if (!outcome.said.contains(word)) return;
    const std::int64_t value = outcome.number(word);
    if (value >= 0)
      samples_.add(metric, round, value);
    else
      samples_.note(fmt::format("the {} file cannot be written: {}", word,
                                errno_text(static_cast<int>(-value))));
  }

  void start_several(std::uint32_t round) {
    samples_.add_parallel_starts(round, wish_.parallel, [&] { return run({"first"}); });
  }

  Store& store_;
  const BackendEntry& entry_;
  const Subject& subject_;
  const PlacedProbe& probe_;
  Wish wish_;
  std::unique_ptr<Backend> backend_;
  Samples samples_;
  std::uint64_t entries_ = 0;
};

} // namespace

PlacedProbe place_probe(const Store& store, const Staging& staging) {
  constexpr mode_t kMode = 0555;
  write_new_file(staging.dir(), kProbeFile, probe_program(), kMode);
  return {staging.dir(), fmt::format("{}/{}/{}", store.path(), layout::kStaging, staging.token()),
          kProbeFile, "/.layerbox-" + random_token()};
}

std::unique_ptr<Turn> backend_turn(Store& store, const BackendEntry& entry, const Subject& subject,
                                   const PlacedProbe& probe, const Wish& wish) {
  return std::make_unique<BackendTurn>(store, entry, subject, probe, wish);
}

void Samples::add(Metric metric, std::uint32_t round, std::int64_t value) {
  if (round > 0) values_.at(static_cast<std::size_t>(metric)).push_back(value);
}

void Samples::add_start(std::uint32_t round, const Outcome& outcome) {
  add(Metric::first_instruction, round, outcome.number("first") - outcome.began_ns);
  add(Metric::start_to_end, round, outcome.ended_ns - outcome.began_ns);
}

void Samples::add_parallel_starts(std::uint32_t round, std::uint32_t count,
                                  const std::function<Started()>& start) {
  std::vector<Started> all;
  const std::int64_t began = monotonic_ns();
  for (std::uint32_t i = 0; i < count; ++i)
    all.push_back(start());
  for (Started& one : all)
    (void)one.finish();
  add(Metric::parallel_start, round, (monotonic_ns() - began) / std::max<std::int64_t>(count, 1));
}

void Samples::note(std::string text) {
  auto& notes = contender_.notes;
  if (std::find(notes.begin(), notes.end(), text) == notes.end()) notes.push_back(std::move(text));
}

Contender Samples::result() const {
  Contender result = contender_;
  for (std::size_t i = 0; i < kMetrics; ++i)
    result.spreads.at(i) = spread_of(values_.at(i));
  return result;
}

} // namespace layerbox::bench

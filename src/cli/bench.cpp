// bench: how long containers take on each backend here, and which one to take.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/bench/document.hpp"
#include "cli/bench/measure.hpp"
#include "cli/bench/page.hpp"
#include "cli/bench/peers.hpp"
#include "cli/bench/table.hpp"
#include "cli/error_report.hpp"
#include "cli/format_option.hpp"
#include "cli/machine_facts.hpp"
#include "cli/output_file.hpp"
#include "cli/verbs.hpp"
#include "layers/backend/measurements.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kUsualRuns = 10;
constexpr std::uint32_t kMostRuns = 1000;
constexpr std::uint32_t kUsualParallel = 4;
constexpr std::uint32_t kMostParallel = 256;
// A copy of a handful of files is faster than any mount. What such an image says of others would
// mislead.
constexpr std::uint64_t kLeastEntriesForAuto = 1000;

std::vector<const BackendEntry*> wanted_backends(const std::optional<std::string>& list) {
  std::vector<const BackendEntry*> wanted;
  std::string known;
  for (const BackendEntry& entry : backends()) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
    if (!list) wanted.push_back(&entry);
  }
  if (!list) return wanted;
  for (std::size_t at = 0; at <= list->size();) {
    const std::size_t end = std::min(list->find(',', at), list->size());
    const std::string name = list->substr(at, end - at);
    const auto entry = std::find_if(backends().begin(), backends().end(),
                                    [&](const BackendEntry& one) { return one.name == name; });
    if (entry == backends().end())
      throw UsageError(fmt::format("bench: --backends: there is no backend '{}'", name),
                       fmt::format("the backends are {}", known));
    if (std::find(wanted.begin(), wanted.end(), &*entry) == wanted.end()) wanted.push_back(&*entry);
    at = end + 1;
  }
  return wanted;
}

void require_between(const char* option, std::uint32_t value, std::uint32_t most) {
  if (value >= 1 && value <= most) return;
  throw UsageError(fmt::format("bench: {}: {} is not between 1 and {}", option, value, most));
}

class BenchVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Each backend in turn, round after round, on real containers of the store: how long it "
        "takes to prepare a root file system; to the first instruction of a command in 'layerbox "
        "run'; from its start to its end, removal included; to write the first byte into a small "
        "and into the largest file of the image; to look at all its names; to remove a root file "
        "system; to start several containers at once; and what a container takes of the disk "
        "before it writes (by how much the free space of the store's file system shrinks, so "
        "that others who write there meanwhile are counted). The command in the containers is a "
        "small program of layerbox's own: any image will do, and nothing of it is executed. "
        "Numbers are medians with the lowest and the highest.\n\n"
        "The last lines recommend a backend. When all that work here were measured, on an image of "
        "1,000 names or more, the times from start to end are kept in the store, and '--backend "
        "auto' goes by them on this kernel and kind of file system; 'layerbox info' shows them.\n\n"
        "With --peers, the starts of bubblewrap, runc and podman are measured, too, where they are "
        "installed: bubblewrap and runc on a plain copy of the image that is there already, "
        "podman, "
        "for root alone, on the image loaded into a storage that is removed again. They build "
        "other walls than layerbox does.\n\n"
        "The JSON document is an object: image, image_id, image_bytes, layers, entries (names in "
        "its root file system), small_file and large_file (path, size_bytes; null where there is "
        "none), kernel, file_system, runs, parallel, results, recommended (a backend), reason, "
        "kept_for_auto, kept_reason. results is an array: name, type (backend or peer), measured, "
        "reason (why it was not), notes, prepare_ns, first_instruction_ns, start_to_end_ns, "
        "write_small_ns, write_large_ns, walk_ns, teardown_ns, parallel_start_ns and disk_bytes, "
        "each with lowest, median, highest and runs, or null.");
    line.operands("IMAGE", operands_, Arity::at_most_one,
                  "a name or an id; without one, the image that was imported last");
    line.text("--backends", backends_, "LIST", "these alone, with commas between them");
    line.number("--runs", wish_.runs, "N", "rounds, 1 to 1000 (10)");
    line.number("--parallel", wish_.parallel, "N", "start N containers at once, 1 to 256 (4)");
    line.text("--html", html_, "FILE", "write the report as a page with plots, too");
    line.flag("--peers", peers_, "measure bubblewrap, runc and podman, too");
    format_.declare(line);
    line.example("layerbox bench debian:12", "which backend is the fastest here");
    line.example("layerbox bench --peers --runs 30 --html bench.html", "a page to show around");
  }

  int run(Invocation& invocation) override {
    require_between("--runs", wish_.runs, kMostRuns);
    require_between("--parallel", wish_.parallel, kMostParallel);
    const std::vector<const BackendEntry*> wanted = wanted_backends(backends_);
    if (html_ && (html_->empty() || *html_ == "-"))
      throw UsageError("bench: --html: it needs the name of a file");
    std::optional<OutputFile> page;
    NoProgress quiet;
    if (html_) page.emplace(html_, "writing the page", quiet); // before minutes are spent

    const bench::Report report = measure(invocation, wanted);
    if (page) {
      const std::string text = bench::page_html(report);
      page->write(std::as_bytes(std::span(text)));
      page->commit();
    }
    if (format_.json())
      print_json(bench::document_of(report));
    else
      print(bench::table_text(report, bench::bar_style_of_environment(), terminal_columns()));
    return exit_code::kDone;
  }

 private:
  bench::Report measure(Invocation& invocation, const std::vector<const BackendEntry*>& wanted) {
    Store& store = invocation.swept_store();
    const Staging staging = store.new_staging();
    const bench::Subject subject =
        bench::choose_subject(store, operands_.empty() ? "" : operands_.front());
    const bench::PlacedProbe probe = bench::place_probe(store, staging);
    bench::Report report = about(store, subject);

    std::vector<bench::Contender> left_out;
    std::vector<std::unique_ptr<bench::Turn>> turns;
    for (const BackendEntry* entry : wanted) {
      const BackendProbe works = entry->probe(store, Remember::yes);
      if (works.works)
        turns.push_back(bench::backend_turn(store, *entry, subject, probe, wish_));
      else
        left_out.push_back({std::string(entry->name), bench::Kind::backend, works.reason});
    }
    if (turns.empty())
      throw Error(ErrorKind::unsupported,
                  fmt::format("backend {} does not work here: {}", left_out.front().name,
                              left_out.front().left_out));
    if (peers_)
      for (auto& turn : bench::peer_turns(store, subject, probe, wish_, left_out))
        turns.push_back(std::move(turn));

    take_turns(turns, invocation.progress());
    for (const auto& turn : turns)
      report.contenders.push_back(turn->result());
    report.entries = report.contenders.front().entries;
    report.contenders.insert(report.contenders.end(), left_out.begin(), left_out.end());
    report.advice = bench::advise(report.contenders, report.large);
    keep_for_auto(store, staging, subject, report);
    return report;
  }

  bench::Report about(const Store& store, const bench::Subject& subject) const {
    bench::Report report;
    report.image_name = subject.name;
    report.image_id = subject.image.row.id.str();
    report.image_bytes = subject.image.row.size_bytes;
    report.layers = subject.image.row.layers.size();
    report.small = subject.small;
    report.large = subject.large;
    report.kernel = kernel_release();
    report.file_system = file_system_name(store.root());
    report.runs = wish_.runs;
    report.parallel = wish_.parallel;
    return report;
  }

  void take_turns(const std::vector<std::unique_ptr<bench::Turn>>& turns,
                  Progress& progress) const {
    progress.note(fmt::format("{} rounds of {}, and one before that does not count", wish_.runs,
                              turns.size()));
    for (std::uint32_t round = 0; round <= wish_.runs; ++round) {
      progress.begin(fmt::format("round {} of {}", round, wish_.runs), 0);
      for (const auto& turn : turns)
        turn->take(round);
      progress.end();
    }
  }

  // What of it counts for `auto`, and why not.
  static std::string why_not_kept(const Store& store, const bench::Report& report) {
    if (report.entries < kLeastEntriesForAuto)
      return fmt::format("an image of {} names says little of larger ones ({} are needed)",
                         report.entries, kLeastEntriesForAuto);
    for (const BackendEntry& entry : backends()) {
      const bool is_measured = std::any_of(
          report.contenders.begin(), report.contenders.end(), [&](const bench::Contender& one) {
            return one.name == entry.name && one[bench::Metric::start_to_end].runs > 0;
          });
      if (!is_measured && entry.probe(store, Remember::yes).works)
        return fmt::format("backend {}, which works here, was not measured", entry.name);
    }
    return {};
  }

  static void keep_for_auto(const Store& store, const Staging& staging,
                            const bench::Subject& subject, bench::Report& report) {
    constexpr std::int64_t kMicrosecond = 1000;
    const std::string why_not = why_not_kept(store, report);
    if (!why_not.empty()) {
      report.kept_reason = "not kept for '--backend auto': " + why_not;
      return;
    }
    Measurements measured = measurements_from_here(store);
    measured.date = std::time(nullptr);
    measured.image = subject.image.row.id;
    for (const bench::Contender& one : report.contenders)
      if (one.kind == bench::Kind::backend && one[bench::Metric::start_to_end].runs > 0)
        measured.backends.push_back(
            {one.name,
             static_cast<std::uint64_t>(one[bench::Metric::start_to_end].median / kMicrosecond)});
    write_measurements(store, staging, measured);
    report.kept_for_auto = true;
    report.kept_reason = fmt::format("kept: '--backend auto' takes {} from now on",
                                     by_preference(backends(), {measured, {}}).front()->name);
  }

  std::vector<std::string> operands_;
  std::optional<std::string> backends_;
  bench::Wish wish_{kUsualRuns, kUsualParallel};
  std::optional<std::string> html_;
  bool peers_ = false;
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_bench_verb() {
  return std::make_unique<BenchVerb>();
}

} // namespace layerbox

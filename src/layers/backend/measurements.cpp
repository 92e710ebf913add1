#include "layers/backend/measurements.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::string_view kMeasuredTitle = "layerbox measured 1";
constexpr std::size_t kMaxMeasuredBackends = 32;
constexpr std::uint64_t kLastDate = 253'402'300'799; // the end of the year 9999
constexpr int kDecimal = 10;
constexpr int kHex = 16;

// What comes before the next newline, which is taken off `text`; nothing when there is none.
std::optional<std::string_view> next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// The value of a line "KEY VALUE".
std::optional<std::string_view> value_of(std::string_view& text, std::string_view key) {
  const auto line = next_line(text);
  if (!line || line->size() <= key.size() + 1 || !line->starts_with(key) ||
      (*line)[key.size()] != ' ')
    return std::nullopt;
  return line->substr(key.size() + 1);
}

std::optional<std::uint64_t> number_in(std::optional<std::string_view> text, int base) {
  std::uint64_t number = 0;
  if (!text) return std::nullopt;
  const char* end = text->data() + text->size();
  const auto [at, problem] = std::from_chars(text->data(), end, number, base);
  if (problem != std::errc{} || at != end) return std::nullopt;
  return number;
}

bool is_backend_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<MeasuredBackend> parse_backend_line(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, space);
  const auto time = number_in(line.substr(std::min(space + 1, line.size())), kDecimal);
  if (!is_backend_name(name) || !time) return std::nullopt;
  return MeasuredBackend{std::string(name), *time};
}

std::string read_measured_file(FdRef file) {
  if (!S_ISREG(stat_fd(file).st_mode)) throw Error(ErrorKind::corrupt, "it is not a regular file");
  std::string text(kMaxMeasurementsBytes + 1, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) throw_errno(errno, "reading it");
  text.resize(static_cast<std::size_t>(size));
  return text;
}

} // namespace

std::optional<std::uint64_t> Measurements::of(std::string_view backend) const {
  for (const MeasuredBackend& one : backends)
    if (one.name == backend) return one.start_to_end_us;
  return std::nullopt;
}

std::string measurements_text(const Measurements& measured) {
  std::string text =
      fmt::format("{}\nkernel {}\nfilesystem {:x}\ndate {}\nimage {}\n", kMeasuredTitle,
                  measured.kernel, measured.file_system, measured.date, measured.image.hex());
  for (const MeasuredBackend& backend : measured.backends)
    text += fmt::format("{} {}\n", backend.name, backend.start_to_end_us);
  return text;
}

std::optional<Measurements> parse_measurements(std::string_view text) {
  if (text.size() > kMaxMeasurementsBytes || next_line(text) != kMeasuredTitle) return std::nullopt;
  const auto kernel = value_of(text, "kernel");
  const auto file_system = number_in(value_of(text, "filesystem"), kHex);
  const auto date = number_in(value_of(text, "date"), kDecimal);
  const auto image = value_of(text, "image");
  if (!kernel || !file_system || !date || *date > kLastDate || !image) return std::nullopt;
  const auto digest = Digest::from_hex(*image);
  if (!digest) return std::nullopt;
  Measurements measured{
      std::string(*kernel), *file_system, static_cast<std::int64_t>(*date), *digest, {}};
  while (!text.empty()) {
    const auto line = next_line(text);
    const auto backend = line ? parse_backend_line(*line) : std::nullopt;
    if (!backend || measured.of(backend->name) || measured.backends.size() == kMaxMeasuredBackends)
      return std::nullopt;
    measured.backends.push_back(*backend);
  }
  if (measured.backends.empty()) return std::nullopt;
  return measured;
}

Measurements measurements_from_here(const Store& store) {
  struct utsname host {};
  struct statfs status {};
  if (::uname(&host) != 0) throw_errno(errno, "uname");
  if (::fstatfs(store.root().get(), &status) != 0) throw_errno(errno, "statfs of the store");
  Measurements here;
  here.kernel = host.release;
  here.file_system = static_cast<std::uint64_t>(status.f_type);
  return here;
}

Evidence read_measurements(const Store& store) {
  try {
    const auto file = try_open_beneath(store.root(), RelPath::parse(layout::kMeasured),
                                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (!file) return {};
    std::optional<Measurements> measured = parse_measurements(read_measured_file(*file));
    if (!measured) return {std::nullopt, "it is damaged, or not of this program"};
    const Measurements here = measurements_from_here(store);
    if (measured->kernel != here.kernel)
      return {std::nullopt,
              fmt::format("it was measured on the kernel {}", printable(measured->kernel))};
    if (measured->file_system != here.file_system)
      return {std::nullopt, "it was measured on another kind of file system"};
    return {std::move(measured), {}};
  } catch (const Error& error) {
    return {std::nullopt, error.what()};
  }
}

void write_measurements(const Store& store, const Staging& staging, const Measurements& measured) {
  const RelPath path = RelPath::parse(layout::kMeasured);
  const std::string name(path.filename());
  write_new_file(staging.dir(), name.c_str(), measurements_text(measured), 0600);
  const UniqueFd dir = open_beneath(store.root(), path.parent(), kOpenDir);
  rename_at(staging.dir(), name.c_str(), dir, name.c_str());
}

std::vector<const BackendEntry*> by_preference(std::span<const BackendEntry> table,
                                               const Evidence& evidence) {
  std::vector<const BackendEntry*> order;
  for (const BackendEntry& entry : table)
    order.push_back(&entry);
  if (!evidence.measured) return order;
  const auto time_of = [&](const BackendEntry* entry) {
    return evidence.measured->of(entry->name).value_or(std::numeric_limits<std::uint64_t>::max());
  };
  std::stable_sort(order.begin(), order.end(), [&](const BackendEntry* a, const BackendEntry* b) {
    return time_of(a) < time_of(b);
  });
  return order;
}

} // namespace layerbox

#include "base/process_facts.hpp"

#include <fcntl.h>

#include <charconv>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

// The fields after the command in brackets, which may itself hold brackets and spaces.
std::string_view nth_field(std::string_view fields, std::size_t n) {
  for (; n > 0; --n) {
    const std::size_t space = fields.find(' ');
    if (space == std::string_view::npos) return {};
    fields.remove_prefix(space + 1);
  }
  return fields.substr(0, fields.find(' '));
}

} // namespace

std::optional<ProcessFacts> process_facts(pid_t pid) {
  constexpr std::size_t kMaxBytes = 4096;
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  try {
    FdSource source(file, path);
    text = read_all(source, kMaxBytes, path);
  } catch (const Error&) {
    return std::nullopt; // it ended between the open and the read (ESRCH)
  }
  const std::size_t bracket = text.rfind(") ");
  if (bracket == std::string::npos) return std::nullopt;
  const std::string_view fields = std::string_view(text).substr(bracket + 2);
  ProcessFacts facts;
  facts.state = fields.empty() ? '?' : fields[0];
  const std::string_view start = nth_field(fields, 22 - 3); // `fields` begins with field 3
  const auto result = std::from_chars(start.data(), start.data() + start.size(), facts.start_time);
  if (result.ec != std::errc{}) return std::nullopt;
  return facts;
}

} // namespace layerbox

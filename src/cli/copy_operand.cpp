#include "cli/copy_operand.hpp"

#include <fmt/format.h>

#include "base/rel_path.hpp"
#include "cli/error_report.hpp"

namespace layerbox {

CopyOperand parse_copy_operand(const std::string& word) {
  if (word == "-") return {CopyOperandKind::stream, {}, "."};
  if (word.empty()) throw UsageError("cp: a name is empty");
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos || word.front() == '/' || word.front() == '.')
    return {CopyOperandKind::host, {}, word};
  const std::string path = word.substr(colon + 1);
  if (colon == 0 || path.empty())
    throw UsageError(fmt::format("cp: '{}' is not CONTAINER:PATH", printable(word)),
                     "a file here whose name has a ':' is written ./NAME");
  return {CopyOperandKind::container, word.substr(0, colon),
          path.front() == '/' ? path : '/' + path};
}

} // namespace layerbox

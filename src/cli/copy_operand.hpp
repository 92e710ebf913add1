// copy_operand: a name on cp's command line. Pure.
//
//     "web:/etc/motd"   of a container     "./a:b", "/a:b", "motd"   here     "-"   a tar
#pragma once

#include <cstdint>
#include <string>

namespace layerbox {

enum class CopyOperandKind : std::uint8_t { container, host, stream };

struct CopyOperand {
  CopyOperandKind kind = CopyOperandKind::host;
  std::string container;
  std::string path; // in a container it begins with '/'
};

// Throws UsageError.
CopyOperand parse_copy_operand(const std::string& word);

} // namespace layerbox

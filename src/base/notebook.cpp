#include "base/notebook.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kNotebookBytes = 16384;

} // namespace

UniqueFd make_notebook(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::ftruncate(fd.get(), kNotebookBytes) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)
    throw_errno(errno, std::string("making a place for what ") + name + " says");
  return fd;
}

std::string last_line(FdRef notebook, std::string_view not_about) {
  std::string text(kNotebookBytes, '\0');
  const ssize_t got = ::pread(notebook.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  text.resize(std::min(text.find('\0'), text.size()));
  std::string last;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (!line.empty() && line.find(not_about) == std::string::npos) last = line;
    at = end + 1;
  }
  return last;
}

} // namespace layerbox

#include "runner/program_memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace layerbox {

ProgramMemory::ProgramMemory() {
  void* const place = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) throw_errno(errno, "memory for the container's program");
  begin_ = static_cast<std::byte*>(place);
}

ProgramMemory::ProgramMemory(ProgramMemory&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), used_(other.used_) {}

ProgramMemory::~ProgramMemory() {
  if (begin_ != nullptr) (void)::munmap(begin_, kBytes);
}

char* ProgramMemory::text(std::string_view text) {
  char* const copy = static_cast<char*>(take(text.size() + 1, alignof(std::max_align_t)));
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

void* ProgramMemory::take(std::size_t bytes, std::size_t alignment) {
  const std::size_t at = (used_ + alignment - 1) / alignment * alignment;
  if (at > kBytes || bytes > kBytes - at)
    throw Error(ErrorKind::limit_exceeded,
                "the container's arguments, environment and mounts are more than 64 MiB");
  used_ = at + bytes;
  return begin_ + at;
}

} // namespace layerbox

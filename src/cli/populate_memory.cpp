#include "cli/populate_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace layerbox {
namespace {

void populate(std::uintptr_t begin, std::uintptr_t end) {
  constexpr std::uintptr_t kPage = 4096;
  begin = (begin + kPage - 1) / kPage * kPage;
  if (begin >= end) return;
  void* const first = reinterpret_cast<void*>(begin); // NOLINT(performance-no-int-to-ptr)
  (void)::madvise(first, end - begin, MADV_POPULATE_WRITE);
}

} // namespace

void populate_memory() {
  constexpr std::uintptr_t kHeapBytes = std::uintptr_t{128} << 10;
  constexpr std::uintptr_t kStackBytes = std::uintptr_t{32} << 10;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  populate(here - kStackBytes, here);
  const auto heap_end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  populate(heap_end - kHeapBytes, heap_end);
}

} // namespace layerbox

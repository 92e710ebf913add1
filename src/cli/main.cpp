// layerbox: the program. Everything is in run_command_line.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cli/dispatch.hpp"

namespace {

// A descriptor that was closed by the caller would be given to the first file that is opened, and
// messages would be written into it.
void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDWR);
}

// [begin, end) is going to be written to: the kernel gives its pages at once, rather than one at
// each first touch, which where it is virtualized itself takes twenty times as long. Kernels before
// 5.14 do it as before.
void populate(std::uintptr_t begin, std::uintptr_t end) {
  constexpr std::uintptr_t kPage = 4096;
  begin = (begin + kPage - 1) / kPage * kPage;
  if (begin < end)
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
}

// What every command uses of the heap's first piece and of the stack.
void populate_memory() {
  constexpr std::uintptr_t kHeapBytes = std::uintptr_t{128} << 10;
  constexpr std::uintptr_t kStackBytes = std::uintptr_t{32} << 10;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  populate(here - kStackBytes, here);
  const auto heap_end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  populate(heap_end - kHeapBytes, heap_end);
}

} // namespace

int main(int argc, char** argv) {
  populate_memory();
  fill_standard_descriptors();
  return layerbox::run_command_line(
      std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}

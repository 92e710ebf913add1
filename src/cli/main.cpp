// layerbox: the program. Everything is in run_command_line.
#include <fcntl.h>
#include <unistd.h>

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

} // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  return layerbox::run_command_line(
      std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}

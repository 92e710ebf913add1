// own_streams: this process's standard streams, kept while others take their numbers.
#pragma once

#include <array>

#include "base/unique_fd.hpp"

namespace layerbox {

// Makes `fd` this process's descriptor `number`. Throws Error.
void put_stream(FdRef fd, int number);
UniqueFd open_null(); // to read and to write. Throws Error

class OwnStreams {
 public:
  // Throws Error.
  OwnStreams();
  OwnStreams(const OwnStreams&) = delete;
  OwnStreams& operator=(const OwnStreams&) = delete;
  ~OwnStreams() { put_back(); }

  // The streams are what they were before.
  void put_back() noexcept;
  // From now on nothing is held of who began this process: what is put back reads nothing and goes
  // nowhere. Throws Error.
  void forget();

 private:
  std::array<UniqueFd, 3> before_;
};

} // namespace layerbox

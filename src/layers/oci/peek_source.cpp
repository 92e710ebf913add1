#include "layers/oci/peek_source.hpp"

#include <algorithm>
#include <cstring>

namespace layerbox {

std::span<const std::byte> PeekSource::peek(std::size_t size) {
  while (ahead_.size() - given_ < size) {
    const std::size_t old = ahead_.size();
    ahead_.resize(given_ + size);
    const std::size_t got = input_->read(std::span(ahead_).subspan(old));
    ahead_.resize(old + got);
    if (got == 0) break;
  }
  return std::span(ahead_).subspan(given_, std::min(size, ahead_.size() - given_));
}

std::size_t PeekSource::read(std::span<std::byte> buffer) {
  if (given_ == ahead_.size()) return input_->read(buffer);
  const std::size_t size = std::min(buffer.size(), ahead_.size() - given_);
  std::memcpy(buffer.data(), ahead_.data() + given_, size);
  given_ += size;
  if (given_ == ahead_.size()) {
    ahead_ = {};
    given_ = 0;
  }
  return size;
}

} // namespace layerbox

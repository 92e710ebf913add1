#include "layers/oci/checked_source.hpp"

#include <vector>

#include "base/error.hpp"

namespace layerbox {

std::size_t HashingSource::read(std::span<std::byte> buffer) {
  if (buffer.empty() || ended_) return 0;
  const std::size_t got = input_->read(buffer);
  if (got == 0) {
    ended_ = true;
    digest_ = hash_.finish();
    return 0;
  }
  hash_.update(buffer.first(got));
  size_bytes_ += got;
  return got;
}

std::size_t VerifyingSource::read(std::span<std::byte> buffer) {
  const std::size_t got = input_.read(buffer);
  const auto refuse = [this](const std::string& why) {
    throw Error(ErrorKind::corrupt, "blob " + digest_.str() + ": " + why);
  };
  if (input_.size_bytes() > size_bytes_)
    refuse("is longer than the " + std::to_string(size_bytes_) + " bytes of its descriptor");
  if (got > 0 || !input_.ended()) return got;
  if (input_.size_bytes() != size_bytes_)
    refuse("has " + std::to_string(input_.size_bytes()) + " bytes, its descriptor says " +
           std::to_string(size_bytes_));
  if (input_.digest() != digest_) refuse("its content has the digest " + input_.digest().str());
  return 0;
}

std::size_t CountingSource::read(std::span<std::byte> buffer) {
  const std::size_t got = input_->read(buffer);
  size_bytes_ += got;
  if (got > 0) listener_(size_bytes_);
  return got;
}

std::uint64_t drain(Source& source) {
  std::vector<std::byte> buffer(std::size_t{1} << 18);
  std::uint64_t total = 0;
  while (const std::size_t got = source.read(buffer))
    total += got;
  return total;
}

} // namespace layerbox

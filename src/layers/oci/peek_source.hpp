// peek_source: a source whose first bytes can be looked at before they are read, so that the kind
// of a stream is found from its content on pipes too.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/stream.hpp"

namespace layerbox {

class PeekSource : public Source {
 public:
  // With `ahead`, bytes that come before those of `input`.
  explicit PeekSource(std::unique_ptr<Source> input, std::vector<std::byte> ahead = {})
      : input_(std::move(input)), ahead_(std::move(ahead)) {}

  // The next `size` bytes, fewer when the input ends before; read() gives them again. Valid until
  // the next call. What a caller looks at it holds in memory: it asks in bounded steps.
  std::span<const std::byte> peek(std::size_t size);
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  std::unique_ptr<Source> input_;
  std::vector<std::byte> ahead_;
  std::size_t given_ = 0; // of ahead_, by read()
};

} // namespace layerbox

// decompressing_source: a codec and its input as one Source; the rules about where a compressed
// stream may end are here, once for all formats.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/stream.hpp"
#include "layers/oci/codec.hpp"
#include "layers/oci/compression.hpp"

namespace layerbox {

class DecompressingSource : public Source {
 public:
  // `compression` is the codec's own; it tells what may follow a member.
  DecompressingSource(std::unique_ptr<Source> input, std::unique_ptr<Codec> codec,
                      Compression compression);
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  enum class State { before_first, in_member, after_member, ended };

  void fill(std::size_t at_least); // until `pending_` has that many bytes, or the input ended
  bool begin_member();             // false at the end of the input
  void skip_padding();
  [[noreturn]] void ends_too_early() const;

  std::unique_ptr<Source> input_;
  std::unique_ptr<Codec> codec_;
  Compression compression_;
  State state_ = State::before_first;
  bool input_ended_ = false;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> pending_; // what of buffer_ is not decoded yet
};

} // namespace layerbox

#include "layers/oci/decompressing_source.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kInputBytes = 256 * 1024;
constexpr std::size_t kPaddingBytes = 4;

bool is_padding(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

} // namespace

DecompressingSource::DecompressingSource(std::unique_ptr<Source> input,
                                         std::unique_ptr<Codec> codec, Compression compression)
    : input_(std::move(input)), codec_(std::move(codec)), compression_(compression),
      buffer_(kInputBytes) {}

std::size_t DecompressingSource::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  while (state_ != State::ended) {
    if (state_ != State::in_member && !begin_member()) break;
    if (pending_.empty()) fill(1);
    const Codec::Step step = codec_->step(pending_, buffer);
    pending_ = pending_.subspan(step.consumed);
    if (step.member_ended)
      state_ = State::after_member;
    else if (step.consumed == 0 && step.produced == 0 && input_ended_)
      ends_too_early();
    if (step.produced > 0) return step.produced;
  }
  return 0;
}

void DecompressingSource::fill(std::size_t at_least) {
  if (pending_.size() >= at_least || input_ended_) return;
  if (!pending_.empty()) std::memmove(buffer_.data(), pending_.data(), pending_.size());
  std::size_t size = pending_.size();
  while (size < at_least && !input_ended_) {
    const std::size_t got = input_->read(std::span(buffer_).subspan(size));
    size += got;
    input_ended_ = got == 0;
  }
  pending_ = std::span(buffer_).first(size);
}

bool DecompressingSource::begin_member() {
  if (codec_->allows_padding() && state_ == State::after_member) skip_padding();
  fill(kMagicBytes);
  if (pending_.empty()) {
    if (state_ == State::before_first) ends_too_early();
    state_ = State::ended;
    return false;
  }
  if (state_ == State::after_member && detect_compression(pending_) != compression_)
    throw Error(ErrorKind::corrupt, "the " + std::string(codec_->name()) +
                                        " stream is followed by bytes that do not belong to it");
  codec_->restart();
  state_ = State::in_member;
  return true;
}

void DecompressingSource::skip_padding() {
  for (;;) {
    fill(kPaddingBytes);
    if (pending_.size() < kPaddingBytes || !is_padding(pending_.first(kPaddingBytes))) return;
    pending_ = pending_.subspan(kPaddingBytes);
  }
}

void DecompressingSource::ends_too_early() const {
  throw Error(ErrorKind::corrupt, "the " + std::string(codec_->name()) + " stream ends too early");
}

void Codec::damaged(std::string_view why) const {
  throw Error(ErrorKind::corrupt,
              "the " + std::string(name()) + " stream is damaged: " + std::string(why));
}

void Codec::needs_too_much_memory(std::string_view limit) const {
  throw Error(ErrorKind::limit_exceeded,
              "the " + std::string(name()) +
                  " stream needs more memory to decode than the limit of " + std::string(limit));
}

} // namespace layerbox

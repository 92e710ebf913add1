#include "layers/oci/look_at_source.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/message.hpp"
#include "layers/oci/unpacker.hpp"

namespace layerbox {
namespace {

// As far as the first member's header may be away: some extended headers of the largest size.
constexpr std::uint64_t kMaxDetectBytes = std::uint64_t{4} << 20;

ByteReader peek_reader(PeekSource& source) {
  return [&source](std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset > kMaxDetectBytes || buffer.size() > kMaxDetectBytes) return std::size_t{0};
    const auto ahead = source.peek(static_cast<std::size_t>(offset) + buffer.size());
    if (ahead.size() <= offset) return std::size_t{0};
    const auto part = ahead.subspan(static_cast<std::size_t>(offset));
    std::memcpy(buffer.data(), part.data(), part.size());
    return part.size();
  };
}

bool looks_like_archive(PeekSource& tar, const ImportLimits& limits) {
  const auto first = first_member(peek_reader(tar), limits);
  return first && may_begin_image_archive(*first);
}

// What the unpacker says of a source: its messages begin with one of these.
enum class Found : std::uint8_t { ahead, begin, progress, end, member, archive };

std::uint64_t number_of(Found found) {
  return static_cast<std::uint64_t>(found);
}

// Hands what it reads to `listener` until it is told to stop.
class EchoSource : public Source {
 public:
  EchoSource(std::unique_ptr<Source> input, const Tell& listener)
      : input_(std::move(input)), listener_(listener) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = input_->read(buffer);
    if (got > 0 && !stopped_)
      listener_(MessageWriter()
                    .number(number_of(Found::ahead))
                    .text({reinterpret_cast<const char*>(buffer.data()), got})
                    .take());
    return got;
  }
  void stop() { stopped_ = true; }

 private:
  std::unique_ptr<Source> input_;
  const Tell& listener_;
  bool stopped_ = false;
};

// In the unpacker.
class SourceReader {
 public:
  SourceReader(const SourceQuestion& question, const ImportLimits& limits, const Tell& tell)
      : question_(question), limits_(limits), tell_(tell) {}

  void run() {
    std::unique_ptr<Source> stored;
    EchoSource* echo = nullptr;
    if (question_.size_bytes) {
      stored = std::make_unique<FileRangeSource>(question_.input, 0, *question_.size_bytes,
                                                 question_.label);
    } else {
      auto echoing = std::make_unique<EchoSource>(
          std::make_unique<FdSource>(question_.input, question_.label), tell_);
      echo = echoing.get();
      stored = std::move(echoing);
    }
    PlainStream plain = open_plain(std::move(stored), limits_);
    if (plain.source->peek(1).empty()) throw Error(ErrorKind::corrupt, "it is empty");
    const bool archive = question_.type == SourceType::automatic
                             ? looks_like_archive(*plain.source, limits_)
                             : question_.type != SourceType::rootfs;
    if (!archive) return;
    if (echo != nullptr) echo->stop();
    const bool is_plain = question_.size_bytes && plain.compression == Compression::none;
    if (!is_plain) spool(plain);
    tell_index(is_plain ? question_.input : question_.spool);
    tell_(MessageWriter()
              .number(number_of(Found::archive))
              .number(is_plain ? 0 : 1)
              .number(*plain.stored_bytes)
              .take());
  }

 private:
  void spool(PlainStream& plain) {
    std::vector<std::byte> buffer(std::size_t{1} << 18);
    std::uint64_t size = 0;
    tell_(MessageWriter().number(number_of(Found::begin)).take());
    while (const std::size_t got = plain.source->read(buffer)) {
      size += got;
      if (size > limits_.max_bytes)
        throw Error(ErrorKind::limit_exceeded, "the archive is larger than the limit of " +
                                                   std::to_string(limits_.max_bytes) + " bytes")
            .set_hint("--max-bytes raises this limit");
      write_all(question_.spool, std::span(buffer).first(got), "spool");
      if (size / kToldBytes != (size - got) / kToldBytes)
        tell_(
            MessageWriter().number(number_of(Found::progress)).number(*plain.stored_bytes).take());
    }
    tell_(MessageWriter().number(number_of(Found::end)).take());
  }

  // Nothing of what has more members than any image's archive: it is a rootfs.
  ArchiveIndex index_of(FdRef tar) {
    try {
      return ArchiveIndex::read(pread_reader(tar, question_.label),
                                static_cast<std::uint64_t>(stat_fd(tar).st_size), limits_);
    } catch (const Error& error) {
      if (question_.type != SourceType::automatic || error.kind() != ErrorKind::limit_exceeded)
        throw;
      return {};
    }
  }

  void tell_index(FdRef tar) {
    index_of(tar).for_each([this](const TarMember& member) {
      tell_(MessageWriter()
                .number(number_of(Found::member))
                .text(member.name)
                .text(member.link)
                .number(static_cast<std::uint64_t>(member.type))
                .number(member.offset)
                .number(member.size_bytes)
                .take());
    });
  }

  static constexpr std::uint64_t kToldBytes = std::uint64_t{1} << 20; // between two of progress

  const SourceQuestion& question_;
  const ImportLimits& limits_;
  const Tell& tell_;
};

TarMember read_member(MessageReader& in) {
  TarMember member;
  member.name = in.text();
  member.link = in.text();
  member.type = static_cast<TarMemberType>(
      std::min<std::uint64_t>(in.number(), static_cast<std::uint64_t>(TarMemberType::other)));
  member.offset = in.number();
  member.size_bytes = in.number();
  return member;
}

// Hears one message of the unpacker's.
void hear_of_source(std::string_view said, SourceAnswer& answer, const SourceQuestion& question,
                    Progress& progress) {
  MessageReader in(said);
  switch (static_cast<Found>(in.number())) {
  case Found::ahead: {
    const std::string text = in.text();
    const auto bytes = std::as_bytes(std::span(text));
    answer.ahead.insert(answer.ahead.end(), bytes.begin(), bytes.end());
    break;
  }
  case Found::begin:
    progress.begin("reading " + question.label, question.size_bytes.value_or(0));
    break;
  case Found::progress:
    progress.advance(in.number());
    break;
  case Found::end:
    progress.end();
    break;
  case Found::member:
    answer.index.add(read_member(in));
    break;
  case Found::archive:
    answer.is_archive = true;
    answer.is_spooled = in.number() == 1;
    answer.stored_bytes = in.number();
    break;
  }
  in.end();
}

} // namespace

SourceAnswer look_at_source(const SourceQuestion& question, FdRef dir, const ImportLimits& limits,
                            Progress& progress) {
  SourceAnswer answer;
  in_unpacker(
      dir, {question.input.get(), question.spool.get()}, progress,
      [&](const Tell& tell) { SourceReader(question, limits, tell).run(); },
      [&](std::string_view said) { hear_of_source(said, answer, question, progress); });
  return answer;
}

} // namespace layerbox

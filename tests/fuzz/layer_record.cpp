// Layer records: what was read is written so that it is read as the same, and a record of
// somebody's making verifies no tree by accident.
#include "layers/tar/layer_record.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <zstd.h>

#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "layers/tar/record_format.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {
namespace {

// An item as one that lives on.
struct KeptItem {
  RecordKind kind;
  std::string raw;
  RelPath path;
  std::uint64_t size_bytes;
  std::vector<RecordRegion> regions;
  Digest digest;
  friend bool operator==(const KeptItem&, const KeptItem&) = default;
};

struct ReadRecord {
  std::vector<KeptItem> items;
  std::string written; // the same items, by the writer
};

ReadRecord read_record(std::string_view record) {
  MemorySource source(record);
  RecordReader reader(source);
  StringSink sink;
  RecordWriter writer(sink);
  ReadRecord read;
  for (;;) {
    const RecordItem& item = reader.next();
    read.items.push_back({item.kind,
                          {reinterpret_cast<const char*>(item.raw.data()), item.raw.size()},
                          item.path,
                          item.size_bytes,
                          item.regions,
                          item.digest});
    if (item.kind != RecordKind::end) {
      writer.copy(item);
      continue;
    }
    writer.finish(item.digest, item.size_bytes);
    read.written = sink.take();
    return read;
  }
}

// A checksum keeps all changes out: the input is what the frame holds, unless it brings its own.
std::string record_of(std::string_view input) {
  if (input.starts_with(record_format::kMagic)) return std::string(input);
  std::string frame(::ZSTD_compressBound(input.size()), '\0');
  const std::size_t size =
      ::ZSTD_compress(frame.data(), frame.size(), input.data(), input.size(), 1);
  require(::ZSTD_isError(size) == 0, "zstd compresses");
  return std::string(record_format::kMagic) + frame.substr(0, size);
}

// One tree for all records: a/b, a hundred bytes.
FdRef small_tree() {
  static const TempDir tree;
  static const bool made = [] {
    make_dir_at(tree.dir(), "a", 0755);
    write_new_file(open_beneath(tree.dir(), RelPath::parse("a"), O_RDONLY | O_DIRECTORY), "b",
                   std::string(100, 'b'), 0644);
    return true;
  }();
  (void)made;
  return tree.dir();
}

void hold_against_a_tree(const std::string& record, const Digest& diff_id) {
  const UniqueFd file(::memfd_create("record", MFD_CLOEXEC));
  write_all(file, std::as_bytes(std::span(record)), "the record");
  accepted([&] { return verify_tree(file, small_tree(), 10); });
  StringSink tar;
  const auto rebuilt = accepted([&] { return rebuild_tar(file, small_tree(), tar); });
  if (!rebuilt) return;
  require(*rebuilt == diff_id && sha256(tar.take()) == diff_id,
          "a tar that was rebuilt is the one that the record tells of");
}

} // namespace

bool run_layer_record(std::string_view input) {
  const std::string record = record_of(input);
  const auto read = accepted([&] {
    try {
      return read_record(record);
    } catch (const Error& error) {
      require(error.kind() == ErrorKind::corrupt, "a record that is none is damaged");
      throw;
    }
  });
  if (!read) return false;
  require(read_record(read->written).items == read->items,
          "a record that was accepted is the same when it is written again");
  hold_against_a_tree(record, read->items.back().digest);
  return true;
}

std::vector<std::string> layer_record_seeds() {
  const auto digest_of = [](std::string_view text) {
    const Digest digest = sha256(text);
    return std::string(reinterpret_cast<const char*>(digest.bytes().data()), Digest::kBytes);
  };
  const std::string header("R\x06header", 8);
  const std::string file = std::string("C\x03"
                                       "a/b\x64\x01\x00\x64",
                                       8) +
                           digest_of(std::string(100, 'b'));
  const std::string holes = std::string("C\x03"
                                        "a/b\x64\x02\x00\x03\x5a\x03",
                                        10) +
                            digest_of("bbbbbb");
  const std::string no_content = header + "E\x06" + digest_of("header");
  StringSink sink;
  RecordWriter writer(sink);
  writer.raw(std::as_bytes(std::span(std::string_view("header"))));
  writer.finish(sha256("header"), 6);
  return {no_content, header + file + "E\x6a" + digest_of("header" + std::string(100, 'b')),
          header + holes + header + "E\x12" + digest_of("headerbbbbbbheader"), sink.take()};
}

} // namespace layerbox::fuzz

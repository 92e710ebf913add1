// tar_builder: writes tars byte by byte, good ones and bad ones, for tests.
//
//     TarBuilder tar;
//     tar.file("a", "hello").dir("d").symlink("d/l", "../a");
//     std::string bytes = tar.finish();
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace layerbox::test {

// One header block. A field that is set in `raw` goes in as these bytes, whatever the value is.
struct Header {
  std::string name;
  char type = '0';
  std::uint64_t mode = 0644;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;
  std::uint64_t mtime = 0;
  std::string link;
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  enum class Dialect { ustar, gnu, v7 } dialect = Dialect::ustar;
  bool bad_sum = false;
  std::vector<std::pair<std::size_t, std::string>> raw; // offset in the block, bytes
};

class TarBuilder {
 public:
  using Pax = std::vector<std::pair<std::string, std::string>>;

  TarBuilder& file(std::string name, std::string_view content = "");
  TarBuilder& dir(std::string name, std::uint64_t mode = 0755);
  TarBuilder& symlink(std::string name, std::string target);
  TarBuilder& link(std::string name, std::string target);
  // A header and its body, padded. The header's size is the body's unless it was set.
  TarBuilder& entry(Header header, std::string_view body = "");
  TarBuilder& pax(const Pax& records, char type = 'x');
  TarBuilder& long_name(std::string_view name, char type = 'L');
  TarBuilder& bytes(std::string_view raw);
  TarBuilder& pad();
  // Where entries end: an archive cut there is whole but for its end mark.
  const std::vector<std::size_t>& ends() const { return ends_; }
  std::string finish(); // with two zero blocks
  std::string unfinished() { return std::move(out_); }

 private:
  std::string out_;
  std::vector<std::size_t> ends_;
};

std::string pax_record(std::string_view key, std::string_view value);
std::string header_block(const Header& header);
// `tar` with the checksum put right in all that looks like a header.
std::string with_right_sums(std::string tar);

} // namespace layerbox::test

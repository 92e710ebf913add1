// tar_builder: small tars in memory, written as plainly as the format allows, for tests.
//
//     TarBuilder tar;  tar.file("etc/hostname", "box\n").symlink("etc/localtime", "UTC");
//     std::string bytes = tar.finish();
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace layerbox::test {

class TarBuilder {
 public:
  TarBuilder& file(std::string_view name, std::string_view content);
  TarBuilder& dir(std::string_view name, unsigned mode = 0755);
  TarBuilder& symlink(std::string_view name, std::string_view target);
  TarBuilder& hardlink(std::string_view name, std::string_view target);
  // A header of any type with content behind it.
  TarBuilder& raw(char type, std::string_view name, std::string_view content,
                  std::string_view link = "", unsigned mode = 0644);
  // A pax header that gives the next member this record.
  TarBuilder& pax(std::string_view key, std::string_view value);
  // GNU long name ('L') or long link ('K') of the next member.
  TarBuilder& gnu_long(char type, std::string_view text);

  std::string finish() const { return bytes_ + std::string(1024, '\0'); }
  const std::string& without_end() const { return bytes_; }

 private:
  std::string bytes_;
};

} // namespace layerbox::test

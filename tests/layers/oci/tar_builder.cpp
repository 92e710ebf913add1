#include "tests/layers/oci/tar_builder.hpp"

#include <array>
#include <cstdio>
#include <cstring>

namespace layerbox::test {
namespace {

constexpr std::size_t kBlock = 512;

void octal(char* field, int digits, std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
  std::memcpy(field, text.data(), static_cast<std::size_t>(digits));
}

} // namespace

TarBuilder& TarBuilder::raw(char type, std::string_view name, std::string_view content,
                            std::string_view link, unsigned mode) {
  std::array<char, kBlock> header{};
  std::memcpy(header.data(), name.data(), std::min<std::size_t>(name.size(), 100));
  octal(header.data() + 100, 7, mode);
  octal(header.data() + 108, 7, 0);
  octal(header.data() + 116, 7, 0);
  octal(header.data() + 124, 11, content.size());
  octal(header.data() + 136, 11, 0);
  header[156] = type;
  std::memcpy(header.data() + 157, link.data(), std::min<std::size_t>(link.size(), 100));
  std::memcpy(header.data() + 257, "ustar\00000", 8);
  std::memset(header.data() + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : header)
    sum += static_cast<unsigned char>(c);
  octal(header.data() + 148, 6, sum);
  header[154] = '\0';
  bytes_.append(header.data(), header.size()).append(content);
  bytes_.append((kBlock - content.size() % kBlock) % kBlock, '\0');
  return *this;
}

TarBuilder& TarBuilder::file(std::string_view name, std::string_view content) {
  return raw('0', name, content);
}

TarBuilder& TarBuilder::dir(std::string_view name, unsigned mode) {
  return raw('5', std::string(name) + "/", "", "", mode);
}

TarBuilder& TarBuilder::symlink(std::string_view name, std::string_view target) {
  return raw('2', name, "", target, 0777);
}

TarBuilder& TarBuilder::hardlink(std::string_view name, std::string_view target) {
  return raw('1', name, "", target);
}

TarBuilder& TarBuilder::pax(std::string_view key, std::string_view value) {
  const std::string tail = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t length = tail.size() + 1;
  while (std::to_string(length).size() + tail.size() != length)
    ++length;
  return raw('x', "PaxHeaders/x", std::to_string(length) + tail);
}

TarBuilder& TarBuilder::gnu_long(char type, std::string_view text) {
  return raw(type, "././@LongLink", std::string(text) + '\0');
}

} // namespace layerbox::test

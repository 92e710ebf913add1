#include "tests/layers/tar/tar_builder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace layerbox::test {
namespace {

constexpr std::size_t kBlock = 512;

void put(std::string& block, std::size_t offset, std::string_view bytes) {
  block.replace(offset, bytes.size(), bytes);
}

std::string octal(std::uint64_t value, int digits) {
  return fmt::format("{:0{}o}", value, digits);
}

} // namespace

std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3; // ' ', '=', '\n'
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  return fmt::format("{} {}={}\n", length, key, value);
}

std::string header_block(const Header& h) {
  std::string block(kBlock, '\0');
  put(block, 0, std::string_view(h.name).substr(0, 100));
  put(block, 100, octal(h.mode, 7));
  put(block, 108, octal(h.uid, 7));
  put(block, 116, octal(h.gid, 7));
  put(block, 124, octal(h.size, 11));
  put(block, 136, octal(h.mtime, 11));
  block[156] = h.type;
  put(block, 157, std::string_view(h.link).substr(0, 100));
  if (h.dialect == Header::Dialect::ustar) put(block, 257, std::string_view("ustar\00000", 8));
  if (h.dialect == Header::Dialect::gnu) put(block, 257, "ustar  ");
  if (h.type == '3' || h.type == '4') {
    put(block, 329, octal(h.major, 7));
    put(block, 337, octal(h.minor, 7));
  }
  for (const auto& [offset, bytes] : h.raw)
    put(block, offset, bytes);
  put(block, 148, "        ");
  unsigned sum = 0;
  for (const char c : block)
    sum += static_cast<unsigned char>(c);
  put(block, 148, octal(sum + (h.bad_sum ? 1 : 0), 6) + '\0');
  return block;
}

TarBuilder& TarBuilder::entry(Header header, std::string_view body) {
  if (header.size == 0) header.size = body.size();
  out_ += header_block(header);
  bytes(body).pad();
  const bool describes = std::string_view("xXgLKV").find(header.type) != std::string_view::npos;
  if (!describes) ends_.push_back(out_.size());
  return *this;
}

TarBuilder& TarBuilder::file(std::string name, std::string_view content) {
  Header h;
  h.name = std::move(name);
  return entry(h, content);
}

TarBuilder& TarBuilder::dir(std::string name, std::uint64_t mode) {
  Header h;
  h.name = std::move(name);
  h.type = '5';
  h.mode = mode;
  return entry(h);
}

TarBuilder& TarBuilder::symlink(std::string name, std::string target) {
  Header h;
  h.name = std::move(name);
  h.type = '2';
  h.mode = 0777;
  h.link = std::move(target);
  return entry(h);
}

TarBuilder& TarBuilder::link(std::string name, std::string target) {
  Header h;
  h.name = std::move(name);
  h.type = '1';
  h.link = std::move(target);
  return entry(h);
}

TarBuilder& TarBuilder::pax(const Pax& records, char type) {
  std::string body;
  for (const auto& [key, value] : records)
    body += pax_record(key, value);
  Header h;
  h.name = "PaxHeaders/x";
  h.type = type;
  return entry(h, body);
}

TarBuilder& TarBuilder::long_name(std::string_view name, char type) {
  Header h;
  h.name = "././@LongLink";
  h.type = type;
  h.dialect = Header::Dialect::gnu;
  return entry(h, std::string(name) + '\0');
}

TarBuilder& TarBuilder::bytes(std::string_view raw) {
  out_ += raw;
  return *this;
}

TarBuilder& TarBuilder::pad() {
  out_.resize((out_.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return *this;
}

std::string TarBuilder::finish() {
  out_.append(2 * kBlock, '\0');
  return std::move(out_);
}

std::string with_right_sums(std::string tar) {
  for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
    if (tar.compare(at + 257, 5, "ustar") != 0) continue;
    tar.replace(at + 148, 8, "        ");
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
      sum += static_cast<unsigned char>(tar[at + i]);
    std::string digits(6, '0');
    for (std::size_t i = 6; i-- > 0; sum >>= 3)
      digits[i] = static_cast<char>('0' + (sum & 7));
    tar.replace(at + 148, 8, digits + std::string("\0 ", 2));
  }
  return tar;
}

} // namespace layerbox::test

// The numbers, records and lists that stand in tar headers.
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "layers/tar/pax_records.hpp"
#include "layers/tar/posix_acl.hpp"
#include "layers/tar/tar_fields.hpp"
#include "layers/tar/tar_rules.hpp"
#include "tests/layers/tar/tar_builder.hpp"

namespace layerbox::test {
namespace {

using namespace std::string_literals;

TEST(TarNumber, ReadsOctalWithAnyUsualPadding) {
  EXPECT_EQ(parse_tar_number("0000644\0"s, "mode"), 0644);
  EXPECT_EQ(parse_tar_number("   644 \0"s, "mode"), 0644);
  EXPECT_EQ(parse_tar_number("77777777"s, "mode"), 077777777);
  EXPECT_EQ(parse_tar_number("\0\0\0\0\0\0\0\0"s, "mode"), 0);
  EXPECT_EQ(parse_tar_number("        "s, "mode"), 0);
}

TEST(TarNumber, ReadsBase256WithItsSign) {
  EXPECT_EQ(parse_tar_number("\x80\0\0\0\0\0\x01\x02"s, "uid"), 0x102);
  EXPECT_EQ(parse_tar_number("\xff\xff\xff\xff\xff\xff\xff\xfe"s, "mtime"), -2);
  EXPECT_EQ(parse_tar_number("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"s, "size"), INT64_MAX);
}

TEST(TarNumber, RefusesWhatIsNeither) {
  for (const std::string& field :
       {"0000648\0"s, "-000644\0"s, "\0000644\0"s, "0x1a4\0\0\0"s, "64 4\0\0\0\0"s,
        "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"s, "\x80\x01\0\0\0\0\0\0\0\0\0\0"s})
    EXPECT_THROW(parse_tar_number(field, "field"), Error) << printable(field);
}

TEST(TarId, LeavesOutTheLastOfTheRange) {
  EXPECT_EQ(checked_id(4294967294, "uid"), 4294967294U);
  EXPECT_THROW(checked_id(4294967295, "uid"), Error);
  EXPECT_THROW(checked_id(-1, "uid"), Error);
}

TEST(PaxTime, RoundsDownToNanoseconds) {
  EXPECT_EQ(parse_pax_time("12", "mtime"), (TimeStamp{12, 0}));
  EXPECT_EQ(parse_pax_time("12.", "mtime"), (TimeStamp{12, 0}));
  EXPECT_EQ(parse_pax_time("12.000000001", "mtime"), (TimeStamp{12, 1}));
  EXPECT_EQ(parse_pax_time("12.9999999999", "mtime"), (TimeStamp{12, 999999999}));
  EXPECT_EQ(parse_pax_time("-0.5", "mtime"), (TimeStamp{-1, 500000000}));
  EXPECT_EQ(parse_pax_time("-3", "mtime"), (TimeStamp{-3, 0}));
  EXPECT_EQ(parse_pax_time("-1.0000000001", "mtime"), (TimeStamp{-2, 999999999}));
}

TEST(PaxTime, RefusesWhatIsNoTime) {
  for (const char* text : {"", "-", "1.2.3", "1e9", " 1", "--1", "1,5"})
    EXPECT_THROW(parse_pax_time(text, "mtime"), Error) << text;
}

TEST(TarBlock, ChecksItsSum) {
  Header header;
  header.name = "caf\xe9";
  const std::string good = header_block(header);
  EXPECT_TRUE(TarBlock(std::as_bytes(std::span(good))).checksum_matches());
  std::string bad = good;
  bad[0] = 'C';
  EXPECT_FALSE(TarBlock(std::as_bytes(std::span(bad))).checksum_matches());
  std::string no_sum = good;
  no_sum.replace(148, 8, "        ");
  EXPECT_FALSE(TarBlock(std::as_bytes(std::span(no_sum))).checksum_matches());
}

TEST(TarBlock, TakesAStarPrefixWithoutItsTimes) {
  Header header;
  header.name = "name";
  header.raw = {{345, std::string(131, 'p')}, {476, "00000000000 00000000000 "}, {508, "tar"}};
  const std::string block = header_block(header);
  EXPECT_EQ(TarBlock(std::as_bytes(std::span(block))).name(), std::string(131, 'p') + "/name");
}

TEST(PaxRecords, AreTakenInOrderAsBytes) {
  std::string seen;
  for_each_pax_record(pax_record("a", "1") + pax_record("b", "x\0\n=y"s) + pax_record("a", ""),
                      [&seen](std::string_view key, std::string_view value) {
                        seen.append(key).append("<").append(value).append(">");
                      });
  EXPECT_EQ(seen, "a<1>b<x\0\n=y>a<>"s);
}

TEST(Encodings, AreDecodedOrRefused) {
  EXPECT_EQ(decode_percent("user.%6Eote%00"), "user.note\0"s);
  EXPECT_EQ(decode_base64("AAEC"), "\0\1\2"s);
  EXPECT_EQ(decode_base64("AAE="), "\0\1"s);
  EXPECT_EQ(decode_base64("AAE"), "\0\1"s);
  EXPECT_EQ(decode_base64(""), "");
  for (const char* text : {"%", "%4", "%4g", "a%zz"})
    EXPECT_THROW(decode_percent(text), Error);
  for (const char* text : {"A", "AA*A", "A=AA", "AAAAA"})
    EXPECT_THROW(decode_base64(text), Error);
}

TEST(PosixAcl, IsSortedAsTheKernelWantsIt) {
  const auto shuffled = posix_acl_xattr(
      "other::r--,mask::r-x,group:g:r-x:7,user:b:rwx:9,user:a:rw-:3,group::r-x,user::rwx");
  const auto sorted = posix_acl_xattr(
      "user::rwx\nuser:3:rw-\nuser:9:rwx\ngroup::r-x\ngroup:7:r-x\nmask:r-x\nother:r--");
  ASSERT_TRUE(shuffled && sorted);
  EXPECT_EQ(*shuffled, *sorted);
  EXPECT_EQ(shuffled->size(), 4 + 7 * 8U);
}

TEST(PosixAcl, IsNothingWhenSomebodyHasNoNumber) {
  EXPECT_EQ(posix_acl_xattr("user::rwx,user:joe:rw-,group::r-x,mask::rwx,other::r--"),
            std::nullopt);
}

TEST(PosixAcl, RefusesWhatIsNone) {
  for (const char* text : {"user", "user::rwz", "nobody::rwx", "mask:5:rwx", "user:a:rwx:1:2"})
    EXPECT_THROW(posix_acl_xattr(text), Error) << text;
}

TEST(TarName, SaysWhatItMeans) {
  const ImportLimits limits;
  EXPECT_EQ(parse_tar_name("./a//b/", limits).path.str(), "a/b");
  EXPECT_EQ(parse_tar_name("a/.wh.b", limits).kind, NameKind::whiteout);
  EXPECT_EQ(parse_tar_name("a/.wh.b", limits).path.str(), "a/b");
  EXPECT_EQ(parse_tar_name(".wh..wh..opq", limits).kind, NameKind::opaque);
  EXPECT_TRUE(parse_tar_name(".wh..wh..opq", limits).path.is_top());
  EXPECT_EQ(parse_tar_name(".wh..wh.aufs", limits).kind, NameKind::skipped);
  EXPECT_EQ(parse_tar_name("a.wh.b", limits).kind, NameKind::entry);
}

} // namespace
} // namespace layerbox::test

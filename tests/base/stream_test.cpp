#include "base/stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"

namespace layerbox {
namespace {

struct TestPipe {
  explicit TestPipe(int flags = 0) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | flags) != 0) throw_errno(errno, "make a pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  UniqueFd read_end, write_end;
};

UniqueFd file_with(const TempDir& dir, std::string_view content) {
  write_new_file(dir.dir(), "file", content, 0600);
  return open_beneath(dir.dir(), RelPath::parse("file"), O_RDWR);
}

std::string read_by_steps(Source& source, std::size_t step) {
  std::string all;
  std::vector<std::byte> buffer(step);
  while (const std::size_t got = source.read(buffer))
    all.append(reinterpret_cast<const char*>(buffer.data()), got);
  return all;
}

TEST(MemorySource, GivesItsBytesInAnySteps) {
  for (const std::size_t step : {1u, 2u, 3u, 100u}) {
    MemorySource source("seven b");
    EXPECT_EQ(read_by_steps(source, step), "seven b");
    EXPECT_EQ(read_by_steps(source, step), "") << "the end stays the end";
  }
}

TEST(MemorySource, OfNothingIsAtItsEnd) {
  MemorySource source(std::span<const std::byte>{});
  std::byte byte{};
  EXPECT_EQ(source.read(std::span(&byte, 1)), 0u);
  EXPECT_EQ(source.read({}), 0u);
}

TEST(FdSource, ReadsAPipeUntilItsWriterEnds) {
  TestPipe pipe;
  const std::string sent(300000, 'p'); // more than the pipe holds
  std::thread writer([&] {
    write_all(pipe.write_end, std::as_bytes(std::span(sent)), "a pipe");
    pipe.write_end.reset();
  });
  FdSource source(pipe.read_end, "a pipe");
  const std::string got = read_all(source, sent.size(), "a pipe");
  writer.join();
  EXPECT_EQ(got, sent);
}

TEST(FdSource, WaitsOnADescriptorThatSomebodyMadeNonBlocking) {
  TestPipe pipe(O_NONBLOCK);
  const std::string sent(300000, 'n');
  std::thread writer([&] {
    FdSink sink(pipe.write_end, "a pipe");
    sink.write(std::as_bytes(std::span(sent)));
    pipe.write_end.reset();
  });
  FdSource source(pipe.read_end, "a pipe");
  const std::string got = read_all(source, sent.size(), "a pipe");
  writer.join();
  EXPECT_EQ(got, sent);
}

TEST(FdSource, NamesWhatCannotBeRead) {
  const TempDir dir;
  FdSource source(dir.dir(), "dir\n");
  std::byte byte{};
  try {
    source.read(std::span(&byte, 1));
    FAIL() << "read a directory";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "read 'dir\\x0a': Is a directory");
    EXPECT_EQ(error.error_number(), EISDIR);
  }
}

TEST(FdSink, SaysThatTheDiskIsFull) {
  const UniqueFd full = open_path("/dev/full", O_WRONLY);
  FdSink sink(full, "full");
  try {
    sink.write(std::as_bytes(std::span(std::string_view("x"))));
    FAIL() << "wrote";
  } catch (const Error& error) {
    EXPECT_EQ(error.error_number(), ENOSPC);
  }
}

TEST(FileRangeSource, ReadsItsRangeAndLeavesTheOffsetAlone) {
  const TempDir dir;
  const UniqueFd fd = file_with(dir, "0123456789");
  FileRangeSource first(fd, 2, 3, "file");
  FileRangeSource second(fd, 4, 6, "file");
  std::byte byte{};
  EXPECT_EQ(first.read(std::span(&byte, 1)), 1u);
  EXPECT_EQ(read_by_steps(second, 4), "456789");
  EXPECT_EQ(read_by_steps(first, 4), "34");
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_CUR), 0);
}

TEST(FileRangeSource, OfNoBytesIsEmptyAnywhere) {
  const TempDir dir;
  const UniqueFd fd = file_with(dir, "abc");
  FileRangeSource source(fd, 3, 0, "file");
  EXPECT_EQ(read_by_steps(source, 8), "");
}

TEST(FileRangeSource, CallsAFileThatEndsTooEarlyCorrupt) {
  const TempDir dir;
  const UniqueFd fd = file_with(dir, "0123456789");
  FileRangeSource source(fd, 8, 5, "file");
  try {
    read_by_steps(source, 16);
    FAIL() << "read past the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_STREQ(error.what(), "read 'file': the file ends 3 bytes too early");
  }
}

TEST(FileRangeSource, RefusesAnOffsetThatNoFileHas) {
  const TempDir dir;
  const UniqueFd fd = file_with(dir, "abc");
  FileRangeSource source(fd, UINT64_MAX - 10, 5, "file");
  EXPECT_THROW(read_by_steps(source, 16), Error);
}

TEST(ReadAll, TakesAsMuchAsTheLimitAndNotOneByteMore) {
  const std::string text(100000, 'r');
  MemorySource fits(text);
  EXPECT_EQ(read_all(fits, text.size(), "memory"), text);
  MemorySource larger(text);
  try {
    read_all(larger, text.size() - 1, "memory");
    FAIL() << "read past the limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
    EXPECT_NE(std::string(error.what()).find("99999 bytes"), std::string::npos) << error.what();
  }
}

TEST(CopyAll, CopiesEverythingAndCountsIt) {
  const std::string text(1 << 20, 'c');
  MemorySource source(text);
  StringSink sink;
  EXPECT_EQ(copy_all(source, sink), text.size());
  EXPECT_EQ(sink.take(), text);
}

} // namespace
} // namespace layerbox

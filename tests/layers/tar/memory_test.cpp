// What unpacking a hostile archive may cost in memory. Not for sanitizers: they keep what is freed.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>

#include "base/error.hpp"
#include "tests/layers/tar/tar_builder.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {
namespace {

// Makes a tar on the way, so that it takes no memory itself.
class Generated : public Source {
 public:
  Generated(std::uint64_t count, std::function<std::string(std::uint64_t)> make)
      : count_(count), make_(std::move(make)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (at_ == piece_.size()) {
      if (next_ > count_) return 0;
      piece_ = next_ == count_ ? std::string(1024, '\0') : make_(next_);
      ++next_;
      at_ = 0;
    }
    const std::size_t size = std::min(buffer.size(), piece_.size() - at_);
    std::memcpy(buffer.data(), piece_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  std::uint64_t count_;
  std::function<std::string(std::uint64_t)> make_;
  std::uint64_t next_ = 0;
  std::string piece_;
  std::size_t at_ = 0;
};

std::uint64_t status_kib(const char* key) {
  std::ifstream in("/proc/self/status");
  for (std::string word; in >> word;) {
    if (word != key) continue;
    std::uint64_t value = 0;
    in >> value;
    return value;
  }
  return 0;
}

// The peak of a child that unpacks `source`, above what it began with, stays below 48 MiB.
void expect_within_memory(Source& source) {
  constexpr std::uint64_t kLimitKib = 48 * 1024;
  const Workshop workshop(Workshop::Place::memory);
  const pid_t child = ::fork();
  if (child == 0) {
    std::ofstream("/proc/self/clear_refs") << "5" << std::flush; // the peak starts anew, proc(5)
    const std::uint64_t before = status_kib("VmRSS:");
    try {
      unpack_layer(source, workshop.new_layer(), ImportLimits{}, root_identity(), nullptr);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::limit_exceeded) fmt::print(stderr, "{}\n", error.what());
    }
    const std::uint64_t used = status_kib("VmHWM:") - before;
    if (used >= kLimitKib) fmt::print(stderr, "{} KiB\n", used);
    ::_exit(used < kLimitKib ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(UnpackLayerMemory, IsBoundedForManyDirectoriesAndFiles) {
  Generated source(30'000, [](std::uint64_t i) {
    TarBuilder tar;
    tar.dir(fmt::format("dir-{}", i)).file(fmt::format("dir-{}/file", i * 7919 % (i + 1)), "x");
    return tar.unfinished();
  });
  expect_within_memory(source);
}

TEST(UnpackLayerMemory, IsBoundedForImpliedDirectories) {
  Generated source(1'000, [](std::uint64_t i) {
    std::string name = std::to_string(i);
    for (int depth = 0; depth < 400; ++depth)
      name += "/d";
    return TarBuilder().long_name(name + "/f").file("f").unfinished();
  });
  expect_within_memory(source);
}

TEST(UnpackLayerMemory, IsBoundedForReplacedFiles) {
  Generated source(30'000, [](std::uint64_t i) {
    return TarBuilder().file("same", std::to_string(i)).unfinished();
  });
  expect_within_memory(source);
}

TEST(UnpackLayerMemory, IsBoundedForForwardLinks) {
  Generated source(40'000, [](std::uint64_t i) {
    const std::string far(200, 't');
    return TarBuilder().long_name(far, 'K').link(std::to_string(i), "x").unfinished();
  });
  expect_within_memory(source);
}

TEST(UnpackLayerMemory, IsBoundedForLongHeadersAndMaps) {
  Generated source(3, [](std::uint64_t) {
    std::string map;
    for (int i = 0; i < 60'000; ++i)
      map += fmt::format("{},1,", 2 * i);
    map.pop_back();
    TarBuilder tar;
    tar.pax({{"GNU.sparse.size", "1000000"}, {"GNU.sparse.map", map}});
    tar.file("sparse", std::string(60'000, 'x'));
    return tar.unfinished();
  });
  expect_within_memory(source);
}

TEST(UnpackLayerMemory, IsBoundedForContentThatIsNoFile) {
  constexpr std::uint64_t kMebibytes = 100;
  Generated source(1 + kMebibytes, [](std::uint64_t i) {
    Header header;
    header.name = ".wh.a";
    header.size = kMebibytes << 20;
    return i == 0 ? header_block(header) : std::string(std::size_t{1} << 20, 'x');
  });
  expect_within_memory(source);
}

} // namespace
} // namespace layerbox::test

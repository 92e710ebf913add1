// The content of a file on disk, and its holes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "layers/tree/file_regions.hpp"

namespace layerbox::test {
namespace {

TEST(FileRegions, HolesAreWhereContentIsZero) {
  const TempDir temporary("layerbox-regions-");
  const RelPath name = RelPath::parse("sparse");
  const UniqueFd fd = open_beneath(temporary.dir(), name, O_RDWR | O_CREAT | O_EXCL, 0600);
  constexpr off_t kSize = 6 << 20;
  ASSERT_EQ(::ftruncate(fd.get(), kSize), 0);
  const std::string zeros(200'000, '\0');
  ASSERT_EQ(::pwrite(fd.get(), zeros.data(), zeros.size(), 0), 200'000);
  ASSERT_EQ(::pwrite(fd.get(), "x", 1, 70'000), 1); // in a block of its own among zeros
  ASSERT_EQ(::pwrite(fd.get(), "yy", 2, (1 << 20) - 1), 2);
  FileRegions regions(open_beneath(temporary.dir(), name, O_RDONLY), name, stat_fd(fd));
  const auto extents = regions.extents();
  ASSERT_TRUE(extents);
  EXPECT_EQ(*extents, (std::vector<Extent>{{69'632, 4096}, {(1 << 20) - 4096, 8192}}));
  std::uint64_t seen = 0;
  for (auto region = regions.next(); !region.data.empty(); region = regions.next())
    seen += region.data.size();
  EXPECT_EQ(seen, 3U * 4096);
}

TEST(FileRegions, AFileWithLittleOfHolesHasNone) {
  const TempDir temporary("layerbox-regions-");
  const RelPath name = RelPath::parse("small");
  const UniqueFd fd = open_beneath(temporary.dir(), name, O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_EQ(::ftruncate(fd.get(), 512 << 10), 0);
  FileRegions regions(open_beneath(temporary.dir(), name, O_RDONLY), name, stat_fd(fd));
  EXPECT_FALSE(regions.extents());
}

TEST(FileRegions, SaysWhenTheFileShrank) {
  const TempDir temporary("layerbox-regions-");
  const RelPath name = RelPath::parse("file");
  write_new_file(temporary.dir(), "file", "content", 0600);
  const UniqueFd fd = open_beneath(temporary.dir(), name, O_RDWR);
  FileRegions regions(open_beneath(temporary.dir(), name, O_RDONLY), name, stat_fd(fd));
  ASSERT_EQ(::ftruncate(fd.get(), 3), 0);
  EXPECT_THROW(regions.next(), Error);
}

} // namespace
} // namespace layerbox::test

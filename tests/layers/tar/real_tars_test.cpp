// Tars that other programs wrote: GNU tar in its dialects and bsdtar. The tree must be the one that
// was packed, and the tar must come back as it was.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdlib>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/xattr.hpp"
#include "layers/tree/tree_text.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {
namespace {

constexpr int kDir = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

void put(FdRef dir, const char* name, std::string_view content, mode_t mode) {
  const UniqueFd fd = open_beneath(dir, RelPath::parse(name), O_WRONLY | O_CREAT | O_EXCL, mode);
  write_all(fd, std::as_bytes(std::span(content)), name);
  ASSERT_EQ(::fchmod(fd.get(), mode), 0);
}

void put_sparse(FdRef dir) {
  const UniqueFd fd =
      open_beneath(dir, RelPath::parse("sparse"), O_WRONLY | O_CREAT | O_EXCL, 0644);
  for (int i = 0; i < 40; ++i) // more regions than fit in one header
    ASSERT_EQ(::pwrite(fd.get(), "data", 4, off_t{i} * (1 << 20)), 4);
  ASSERT_EQ(::ftruncate(fd.get(), 50 << 20), 0);
}

struct Dialect {
  const char* name;
  const char* command; // run in the source directory; writes to the path that follows
  bool long_names;
  bool xattrs;
  bool nanoseconds;
  bool large_ids;
  bool specials = true;
};

// What a tar in the dialect can hold; fills `path`.
void make_source(const std::string& path, const Dialect& dialect) {
  const UniqueFd top = open_path(path, kDir);
  ASSERT_EQ(::fchmod(top.get(), 0751), 0);
  put(top, "plain", "content", 0644);
  put(top, "setuid", "x", 04755);
  put(top, "empty", "", 0600);
  put(top, "big", std::string(3'500'000, 'b'), 0644);
  put_sparse(top);
  make_dir_at(top, "dir", 0750);
  const UniqueFd dir = open_beneath(top, RelPath::parse("dir"), kDir);
  put(dir, "inner", "inner", 0640);
  ASSERT_EQ(::linkat(top.get(), "plain", dir.get(), "linked", 0), 0);
  ASSERT_EQ(::symlinkat("../plain", dir.get(), "symlink"), 0);
  if (dialect.specials) {
    ASSERT_EQ(::mkfifoat(top.get(), "fifo", 0622), 0);
    ASSERT_EQ(::mknodat(top.get(), "char", S_IFCHR | 0666, ::makedev(1, 3)), 0);
    ASSERT_EQ(::mknodat(top.get(), "block", S_IFBLK | 0660, ::makedev(7, 1)), 0);
  }
  ASSERT_EQ(::fchownat(top.get(), "empty", 1000, 1001, AT_SYMLINK_NOFOLLOW), 0);
  put(top, "caf\xc3\xa9", "utf-8", 0644);
  put(top, "latin-\xe9", "not utf-8", 0644);
  if (dialect.long_names) {
    const std::string name(200, 'n');
    put(dir, name.c_str(), "long name", 0644);
    ASSERT_EQ(::symlinkat(std::string(300, 't').c_str(), top.get(), "long-target"), 0);
  }
  if (dialect.large_ids) {
    ASSERT_EQ(::fchownat(top.get(), "setuid", 3'000'000'000U, 4'000'000'000U, 0), 0);
  }
  if (dialect.xattrs) set_xattr(dir, "inner", "user.note", "hello");
}

class RealTars : public testing::TestWithParam<Dialect> {};

// Whole seconds, for dialects that know no others.
void drop_nanoseconds(const std::string& path) {
  const std::string command =
      "find '" + path + "' -depth -print0 | xargs -0 touch -h -d @1700000000";
  ASSERT_EQ(std::system(command.c_str()), 0); // NOLINT(cert-env33-c): our own words
}

TEST_P(RealTars, BecomeTheTreeThatWasPacked) {
  const Dialect& dialect = GetParam();
  const Workshop workshop;
  const std::string source = workshop.path() + "/staging/source";
  make_dir_at(workshop.staging(), "source", 0755);
  make_source(source, dialect);
  if (!dialect.nanoseconds) drop_nanoseconds(source);
  const std::string tar = workshop.path() + "/staging/tar";
  const std::string command = fmt::format("cd '{}' && {} '{}' .", source, dialect.command, tar);
  ASSERT_EQ(std::system(command.c_str()), 0) << command; // NOLINT(cert-env33-c)

  const UniqueFd file = open_path(tar, O_RDONLY);
  FdSource bytes(file, "tar");
  const UnpackedLayer layer =
      unpack_layer(bytes, workshop.new_layer(), ImportLimits{}, root_identity(), nullptr);
  EXPECT_EQ(layer.warnings, std::vector<std::string>{});
  EXPECT_EQ(workshop.tree_text(), tree_text(open_path(source, kDir)));
  const UniqueFd reopened = open_path(tar, O_RDONLY);
  FdSource whole(reopened, "tar");
  EXPECT_TRUE(workshop.rebuilt() == read_all(whole, std::size_t{200} << 20, "tar"));
  const auto sparse = try_stat_at(workshop.tree(), "sparse");
  ASSERT_TRUE(sparse);
  if (std::string_view(dialect.command).find("--sparse") != std::string_view::npos) {
    EXPECT_LT(sparse->st_blocks * 512, 5 << 20);
  }
}

const Dialect kDialects[] = {
    {"GnuTarOldGnu", "tar --format=gnu -cf", true, false, false, true},
    {"GnuTarOldGnuSparse", "tar --format=gnu --sparse -cf", true, false, false, true},
    {"GnuTarUstar", "tar --format=ustar -cf", false, false, false, false},
    {"GnuTarV7", "tar --format=v7 -cf", false, false, false, false, false},
    {"GnuTarPax", "tar --format=posix --xattrs --xattrs-include='user.*' -cf", true, true, true,
     true},
    {"GnuTarPaxSparse00", "tar --format=posix --sparse --sparse-version=0.0 -cf", true, false, true,
     true},
    {"GnuTarPaxSparse01", "tar --format=posix --sparse --sparse-version=0.1 -cf", true, false, true,
     true},
    {"GnuTarPaxSparse10", "tar --format=posix --sparse --sparse-version=1.0 -cf", true, false, true,
     true},
    {"BsdTarPax", "bsdtar --format=pax --xattrs -cf", true, true, true, true},
    {"BsdTarUstar", "bsdtar --format=ustar -cf", false, false, false, false},
    {"BsdTarGnu", "bsdtar --format=gnutar -cf", true, false, false, true},
};

INSTANTIATE_TEST_SUITE_P(Dialects, RealTars, testing::ValuesIn(kDialects),
                         [](const auto& each) { return std::string(each.param.name); });

} // namespace
} // namespace layerbox::test

// end_cgroups: by cgroup.kill, by the freezer, by hand; and what it must not touch.
#include "base/cgroup_end.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/temp.hpp"
#include "runner/cgroup_layout.hpp"
#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EndCgroups : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  void TearDown() override {
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  // A cgroup of that name below ours in `hierarchy`; "" when it cannot be made.
  std::string make(const CgroupHierarchy* hierarchy, const std::string& below = "") {
    if (hierarchy == nullptr || hierarchy->own.empty()) return "";
    const std::string path = hierarchy->own + "/" + name_ + below;
    return ::mkdir(path.c_str(), 0755) == 0 ? path : "";
  }
  // A process in the cgroup, which makes others without end.
  pid_t populate(const std::string& path) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      std::ofstream(path + "/cgroup.procs") << "0";
      for (int i = 0; i < 20; ++i)
        if (::fork() == 0) break;
      for (;;)
        ::pause();
    }
    pids_.push_back(pid);
    EXPECT_TRUE(eventually([&] { return count(path) == 21; }));
    return pid;
  }
  static long count(const std::string& path) {
    std::ifstream file(path + "/cgroup.procs");
    return std::distance(std::istream_iterator<int>(file), {});
  }
  std::string name_ = cgroup_name(random_token() + random_token());
  CgroupLayout layout_ = read_cgroup_layout();
  std::vector<pid_t> pids_;
};

TEST_F(EndCgroups, KillsThroughVersion2WithCgroupsBelow) {
  const std::string path = make(layout_.v2());
  LAYERBOX_NEEDS("cgroups", path.empty() ? "no directory of version 2 can be made" : "");
  const std::string below = make(layout_.v2(), "/a");
  make(layout_.v2(), "/a/b");
  make(layout_.v2(), "/c");
  populate(below);
  end_cgroups({path}, name_);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(EndCgroups, KillsThroughTheFreezer) {
  const std::string path = make(layout_.v1_with("freezer"));
  LAYERBOX_NEEDS("cgroup1", path.empty() ? "no directory of the freezer can be made" : "");
  populate(path);
  end_cgroups({path}, name_);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(EndCgroups, KillsWhereThereIsNeither) {
  const std::string path = make(layout_.v1_with("pids"));
  LAYERBOX_NEEDS("cgroup1", path.empty() ? "no directory of version 1 can be made" : "");
  populate(path);
  populate(make(layout_.v1_with("pids"), "/below"));
  end_cgroups({path}, name_);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(EndCgroups, TakesAbsenceForSuccess) {
  end_cgroups({"/sys/fs/cgroup/" + name_, "/no/such/place/" + name_}, name_);
  end_cgroups({}, name_);
}

std::string refusal(const std::string& path, const std::string& name) {
  try {
    end_cgroups({path}, name);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(EndCgroups, TouchesNothingThatIsNoCgroupOfThatName) {
  const TempDir temp;
  const std::string plain = temp.path() + "/" + name_;
  ASSERT_EQ(::mkdir(plain.c_str(), 0755), 0);
  EXPECT_THAT(refusal(plain, name_), HasSubstr("it is no cgroup"));
  EXPECT_TRUE(fs::exists(plain));
  EXPECT_THAT(refusal(plain, "layerbox-other"), HasSubstr("another's"));
  EXPECT_THAT(refusal("/", name_), HasSubstr("another's"));
  EXPECT_THAT(refusal("/sys/fs/cgroup/../" + name_, name_), HasSubstr(".."));
}

TEST_F(EndCgroups, FollowsNoLink) {
  const std::string path = make(layout_.v2());
  LAYERBOX_NEEDS("cgroups", path.empty() ? "no directory of version 2 can be made" : "");
  const TempDir temp;
  fs::create_directory_symlink(path, temp.path() + "/" + name_);
  EXPECT_NE(refusal(temp.path() + "/" + name_, name_), "");
  EXPECT_TRUE(fs::exists(path));
  end_cgroups({path}, name_);
}

TEST_F(EndCgroups, EndsTheOthersWhenOneCannotBe) {
  const std::string path = make(layout_.v2());
  LAYERBOX_NEEDS("cgroups", path.empty() ? "no directory of version 2 can be made" : "");
  EXPECT_THROW(end_cgroups({"/tmp/another", path}, name_), Error);
  EXPECT_FALSE(fs::exists(path));
}

} // namespace
} // namespace layerbox::test

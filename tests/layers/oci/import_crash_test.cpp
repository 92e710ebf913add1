// Imports that die, and imports that meet: the store is whole, and the next import works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "tests/layers/oci/import_fixture.hpp"

namespace layerbox {
namespace {

using namespace test; // NOLINT(google-build-using-namespace): the builders are this test's words

class ImportCrash : public ImportTest {
 protected:
  // Imports in a process of its own, which shares no descriptor of a lock with this one's store.
  pid_t start_import(const std::string& source, const std::string& fault) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    if (!fault.empty()) ::setenv("LAYERBOX_FAULT", fault.c_str(), 1);
    try {
      Store own = open_store();
      NoProgress quiet;
      import_images(own, source, {}, quiet);
    } catch (const Error&) {
      ::_exit(1);
    }
    ::_exit(0);
  }

  int wait_for(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }
};

TEST_F(ImportCrash, LeavesNothingThatIsHalfThere) {
  const TestImage image = two_layer_image();
  const std::string source = write("a.tar", to_tar(docker_archive({image})));
  for (const char* point :
       {"import.after_unpack", "import.after_sync", "store.commit_layer.after_rename",
        "import.before_publish", "store.commit_layer.before_rename",
        "store.commit_layer.before_fsync", "store.put_blob.before_rename"}) {
    for (const char* how : {"error", "kill", "kill:2"}) {
      SCOPED_TRACE(std::string(point) + "=" + how);
      const int status = wait_for(start_import(source, std::string(point) + "=" + how));
      const bool reached = !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
      EXPECT_TRUE(reached || std::string(how) == "kill:2") << "the fault point was never passed";
      if (!reached) {
        remove(image.id());
        continue;
      }
      EXPECT_TRUE(store.catalog().images().empty());
      EXPECT_TRUE(store.catalog().layers().empty());
      store.sweep();
      expect_nothing_was_imported();

      wait_for(start_import(source, std::string(point) + "=" + how));
      EXPECT_EQ(import(source).at(0).id, image.id()) << "also without a sweep before it";
      EXPECT_EQ(tree_file(this->image("test").layers[1], "usr/a"), "above\n");
      remove(image.id());
      expect_nothing_was_imported();
    }
  }
}

TEST_F(ImportCrash, MeetsAnotherImportOfTheSameImage) {
  const TestImage image = two_layer_image();
  const std::string source = write("a.tar", to_tar(docker_archive({image})));
  for (int round = 0; round < 5; ++round) {
    std::vector<pid_t> imports;
    for (int i = 0; i < 4; ++i)
      imports.push_back(start_import(source, ""));
    for (const pid_t pid : imports)
      EXPECT_EQ(wait_for(pid), 0);
    EXPECT_EQ(store.catalog().images().size(), 1U);
    EXPECT_EQ(store.catalog().layers().size(), 2U);
    EXPECT_EQ(names_below(layout::kLayers).size(), 2U);
    remove(image.id());
    expect_nothing_was_imported();
  }
}

TEST_F(ImportCrash, SharesLayersInAnyOrderWithoutWaitingForEver) {
  TestImage one = two_layer_image("one:1");
  TestImage two = one;
  two.names = {"two:1"};
  std::swap(two.layers[0], two.layers[1]);
  const std::string first = write("a.tar", to_tar(docker_archive({one})));
  const std::string second = write("b.tar", to_tar(docker_archive({two})));
  for (int round = 0; round < 5; ++round) {
    std::vector<pid_t> imports;
    for (int i = 0; i < 2; ++i) {
      imports.push_back(start_import(first, ""));
      imports.push_back(start_import(second, ""));
    }
    for (const pid_t pid : imports)
      EXPECT_EQ(wait_for(pid), 0);
    EXPECT_EQ(store.catalog().images().size(), 2U);
    remove(one.id());
    remove(two.id());
    expect_nothing_was_imported();
  }
}

} // namespace
} // namespace layerbox

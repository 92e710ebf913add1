// both_users: a test that runs containers as root and as an ordinary user with one id. The command
// is below an init, as process 1 is safe from signals of its own making.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/runner/box.hpp"

namespace layerbox::test {

enum class Who : std::uint8_t { root, single };

class BothUsers : public ::testing::TestWithParam<Who> {
 protected:
  // Requires root, who can be both. The rootfs has bin/attack.
  void SetUp() override {
    LAYERBOX_NEEDS("root", why_no_root());
    std::filesystem::copy_file(LAYERBOX_ATTACK, rootfs.at("bin/attack"));
    std::filesystem::permissions(rootfs.at("bin/attack"), std::filesystem::perms(0755));
    hand_over();
    if (!is_single()) return;
    const Result result = go(spec(rootfs, {"true"}));
    LAYERBOX_NEEDS("rootless", result.status == 0 ? "" : result.failure);
  }
  static bool is_single() { return GetParam() == Who::single; }
  // What a test has put into the rootfs becomes the user's.
  void hand_over() const {
    if (is_single()) rootfs.give_to(kOrdinaryUid);
  }
  static Result go(RunSpec made, Launcher::Options options = {}) {
    made.process.init = true;
    if (is_single()) {
      options.identity = single_identity();
      made = single_spec(std::move(made));
    } else {
      made.idmap_rootfs = true;
    }
    return run(made, std::move(options));
  }
  RunSpec attack_spec(std::vector<std::string> words) const {
    words.insert(words.begin(), "attack");
    return spec(rootfs, std::move(words));
  }
  Result attack(std::vector<std::string> words, SeccompMode mode = SeccompMode::standard) const {
    RunSpec made = attack_spec(std::move(words));
    made.seccomp.mode = mode;
    return go(std::move(made));
  }
  BusyboxRootfs rootfs;
};

inline std::string name_of_who(const ::testing::TestParamInfo<Who>& info) {
  return info.param == Who::root ? "Root" : "OrdinaryUser";
}

} // namespace layerbox::test

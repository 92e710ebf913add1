#include "tests/layers/backend/file_systems.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>

#include "base/error.hpp"

namespace layerbox::test {

namespace {

constexpr const char* kCovered = "/media"; // everybody has one, and no tests are below it

struct Recipe {
  const char* make;
  const char* options;
};

const std::map<std::string, Recipe>& recipes() {
  static const std::map<std::string, Recipe> all{
      {"xfs", {"mkfs.xfs -q -m reflink=1", "loop"}},
      {"btrfs", {"mkfs.btrfs -q", "loop,user_subvol_rm_allowed"}},
  };
  return all;
}

// Throws Error with what the command said when it fails.
void run(const std::string& command) {
  FILE* said = ::popen(("exec 2>&1; PATH=/usr/sbin:/sbin:$PATH; " + command).c_str(), "re");
  if (said == nullptr) throw_errno(errno, command);
  std::string words;
  for (int c = 0; (c = ::fgetc(said)) != EOF;)
    words += static_cast<char>(c);
  if (::pclose(said) != 0) throw Error(ErrorKind::system, fmt::format("{}: {}", command, words));
}

void cover() {
  if (::unshare(CLONE_NEWNS) != 0) throw_errno(errno, "unshare");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw_errno(errno, "making mounts private");
  if (::mount("tmpfs", kCovered, "tmpfs", 0, nullptr) != 0) throw_errno(errno, kCovered);
}

FileSystem mount_new(const std::string& name, const Recipe& recipe) {
  try {
    static const bool is_covered = (cover(), true);
    static_cast<void>(is_covered);
    const std::string path = fmt::format("{}/{}", kCovered, name);
    if (::mkdir(path.c_str(), 0755) != 0) throw_errno(errno, path);
    run(fmt::format("truncate -s 512M {}.image", path));
    run(fmt::format("{} {}.image", recipe.make, path));
    run(fmt::format("mount -o {} {}.image {}", recipe.options, path, path));
    return {path, ""};
  } catch (const Error& error) {
    return {"", error.what()};
  }
}

std::string temporary_directory() {
  const char* tmp = ::getenv("TMPDIR");
  return tmp != nullptr ? tmp : "/tmp";
}

} // namespace

std::vector<std::string> file_systems() {
  std::vector<std::string> names{kOwnFileSystem};
  for (const auto& [name, recipe] : recipes())
    names.push_back(name);
  return names;
}

const FileSystem& file_system(const std::string& name) {
  static std::map<std::string, FileSystem> known{{kOwnFileSystem, {temporary_directory(), ""}}};
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  const auto recipe = recipes().find(name);
  if (recipe == recipes().end()) throw Error(ErrorKind::invalid_argument, name);
  return known.emplace(name, mount_new(name, recipe->second)).first->second;
}

std::string file_system_for(const std::string& backend) {
  return recipes().contains(backend) ? backend : kOwnFileSystem;
}

bool is_for_another(std::string_view backend, std::string_view file_system) {
  return backend != file_system && recipes().contains(std::string(backend));
}

} // namespace layerbox::test

#include "runner/plan_words.hpp"

#include <fmt/format.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>

#include <span>

#include "runner/act.hpp"

namespace layerbox {
namespace {

struct Word {
  std::uint64_t bit;
  const char* text;
};

constexpr Word kStepFlags[] = {{kOptional, "optional"},         {kRecursive, "recursive"},
                               {kReadOnly, "read_only"},        {kOldApi, "old_api"},
                               {kHostTree, "host_tree"},        {kKeepAdmin, "keep_admin"},
                               {kReadOnlyTop, "read_only_top"}, {kReadable, "readable"},
                               {kExisting, "existing"},         {kOurs, "ours"}};

constexpr Word kMountFlags[] = {
    {MS_RDONLY, "ro"},         {MS_NOSUID, "nosuid"},           {MS_NODEV, "nodev"},
    {MS_NOEXEC, "noexec"},     {MS_NOATIME, "noatime"},         {MS_NODIRATIME, "nodiratime"},
    {MS_RELATIME, "relatime"}, {MS_STRICTATIME, "strictatime"}, {MS_PRIVATE, "private"},
    {MS_SLAVE, "slave"},       {MS_SHARED, "shared"},           {MS_REC, "rec"},
    {MS_BIND, "bind"},         {MS_REMOUNT, "remount"}};

constexpr Word kNamespaces[] = {
    {CLONE_NEWUSER, "user"},     {CLONE_NEWNS, "mount"}, {CLONE_NEWPID, "pid"},
    {CLONE_NEWNET, "network"},   {CLONE_NEWIPC, "ipc"},  {CLONE_NEWUTS, "uts"},
    {CLONE_NEWCGROUP, "cgroup"}, {0x00000080, "time"}}; // CLONE_NEWTIME, not in every sched.h

constexpr Word kFilterFlags[] = {{SECCOMP_FILTER_FLAG_TSYNC, "TSYNC"},
                                 {SECCOMP_FILTER_FLAG_LOG, "LOG"},
                                 {SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SPEC_ALLOW"}};

std::vector<std::string> words_of(std::uint64_t flags, std::span<const Word> known) {
  std::vector<std::string> words;
  for (const Word& word : known) {
    if ((flags & word.bit) == 0) continue;
    words.emplace_back(word.text);
    flags &= ~word.bit;
  }
  if (flags != 0) words.push_back(fmt::format("{:#x}", flags));
  return words;
}

} // namespace

std::vector<std::string> step_flag_words(std::uint32_t flags) {
  return words_of(flags, kStepFlags);
}

std::vector<std::string> mount_flag_words(unsigned long flags) {
  return words_of(flags, kMountFlags);
}

std::vector<std::string> namespace_words(std::uint64_t flags) {
  return words_of(flags, kNamespaces);
}

std::vector<std::string> filter_flag_words(unsigned long flags) {
  return words_of(flags, kFilterFlags);
}

} // namespace layerbox

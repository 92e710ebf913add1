// A whole container, by the code that runs all others.
#include <elf.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/doctor/probe.hpp"
#include "runner/run_container.hpp"
#include "store/container_lease.hpp"

namespace layerbox::doctor {
namespace {

constexpr const char* kProgram = "layerbox-doctor";
constexpr const char* kRootfs = "rootfs";
constexpr int kItsStatus = 42;

// exit_group(42), for this machine: the smallest program that says that it has run.
#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
constexpr std::uint8_t kCode[] = {0xbf, kItsStatus, 0, 0, 0, // mov edi, 42
                                  0xb8, 231,        0, 0, 0, // mov eax, 231 (exit_group)
                                  0x0f, 0x05};               // syscall
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
constexpr std::uint8_t kCode[] = {0x40, 0x05, 0x80, 0xd2,  // mov x0, #42
                                  0xc8, 0x0b, 0x80, 0xd2,  // mov x8, #94 (exit_group)
                                  0x01, 0x00, 0x00, 0xd4}; // svc #0
#else
#error "write the smallest program of this machine"
#endif

std::string program() {
  struct File {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    std::uint8_t code[sizeof kCode];
  };
  constexpr std::uint64_t kAddress = 0x400000;
  File file;
  std::memset(&file, 0, sizeof file);
  std::memcpy(file.header.e_ident, ELFMAG, SELFMAG);
  file.header.e_ident[EI_CLASS] = ELFCLASS64;
  file.header.e_ident[EI_DATA] = ELFDATA2LSB;
  file.header.e_ident[EI_VERSION] = EV_CURRENT;
  file.header.e_type = ET_EXEC;
  file.header.e_machine = kMachine;
  file.header.e_version = EV_CURRENT;
  file.header.e_entry = kAddress + offsetof(File, code);
  file.header.e_phoff = offsetof(File, segment);
  file.header.e_ehsize = sizeof(Elf64_Ehdr);
  file.header.e_phentsize = sizeof(Elf64_Phdr);
  file.header.e_phnum = 1;
  file.segment.p_type = PT_LOAD;
  file.segment.p_flags = PF_R | PF_X;
  file.segment.p_vaddr = kAddress;
  file.segment.p_filesz = sizeof file;
  file.segment.p_memsz = sizeof file;
  file.segment.p_align = 4096;
  std::memcpy(file.code, kCode, sizeof kCode);
  return {reinterpret_cast<const char*>(&file), sizeof file};
}

MountPlan make_rootfs(FdRef dir, const std::string& path, TrialRootfs rootfs) {
  const UniqueFd lower = make_or_open_dir_at(dir, kRootfs, 0755);
  write_new_file(lower, kProgram, program(), 0755);
  MountPlan plan;
  plan.anchor = path;
  plan.directory = kRootfs;
  if (rootfs == TrialRootfs::directory) return plan;
  for (const char* name : {"upper", "work", "attach"})
    make_dir_at(dir, name, 0755);
  plan.kind = RootfsKind::overlay;
  plan.lower = {kRootfs};
  plan.upper = "upper";
  plan.work = "work";
  plan.attach = "attach";
  plan.options = {"userxattr", "volatile"};
  return plan;
}

RunSpec trial_spec(const Identity& identity, const IdMap& map) {
  RunSpec spec;
  spec.container_id = new_container_id();
  spec.process.args = {fmt::format("/{}", kProgram)};
  spec.process.env = {"PATH=/"};
  spec.process.capabilities = default_capabilities();
  spec.masked_paths = default_masked_paths();
  spec.read_only_paths = default_read_only_paths();
  spec.provided_files = {{"/etc/hosts", "127.0.0.1\tlocalhost\n"}};
  spec.id_map = map;
  spec.idmap_rootfs = identity.privilege == Privilege::root;
  return spec;
}

} // namespace

void run_trial_container(const Identity& identity, const IdMap& map, FdRef dir,
                         const std::string& path, TrialRootfs rootfs) {
  RunSpec spec = trial_spec(identity, map);
  spec.rootfs = make_rootfs(dir, path, rootfs);
  const RunOutcome outcome = run_container(spec, identity, {});
  if (!outcome.failure.empty())
    throw Error(ErrorKind::system, outcome.failure).set_hint(outcome.hint);
  if (outcome.exit_status != kItsStatus)
    throw Error(ErrorKind::system, fmt::format("its program ended with status {} in place of {}",
                                               outcome.exit_status, kItsStatus));
}

} // namespace layerbox::doctor

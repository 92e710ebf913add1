#include "runner/exec_error.hpp"

#include <elf.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr int kMaxInterpreters = 5;      // the kernel's own limit of nested ones
constexpr std::size_t kHeadBytes = 4096; // headers and, in all usual programs, PT_INTERP's text

#if defined(__x86_64__)
constexpr unsigned kOwnMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kOwnMachine = EM_AARCH64;
#else
constexpr unsigned kOwnMachine = EM_NONE;
#endif

// Names as images spell them (OCI image-spec config.md, "architecture").
const char* machine_name(unsigned machine) noexcept {
  switch (machine) {
  case EM_386:
    return "386";
  case EM_X86_64:
    return "amd64";
  case EM_ARM:
    return "arm";
  case EM_AARCH64:
    return "arm64";
  case EM_RISCV:
    return "riscv64";
  case EM_PPC64:
    return "ppc64le";
  case EM_S390:
    return "s390x";
  case EM_MIPS:
    return "mips";
  case EM_SPARCV9:
    return "sparc64";
  case 258:
    return "loong64"; // EM_LOONGARCH
  default:
    return "a machine that is not known";
  }
}

struct Head {
  char bytes[kHeadBytes];
  std::size_t size = 0;
};

bool read_head(const char* path, Head& head) noexcept {
  const int fd = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return false;
  struct stat status;
  int got = -1;
  if (stat_fd(fd, &status) == 0 && S_ISREG(status.st_mode))
    got = call(SYS_read, fd, head.bytes, sizeof head.bytes);
  close_fd(fd);
  head.size = got > 0 ? static_cast<std::size_t>(got) : 0;
  return got >= 0;
}

template <typename T> bool take(const Head& head, std::uint64_t offset, T& value) noexcept {
  if (offset > head.size || head.size - offset < sizeof value) return false;
  std::memcpy(&value, head.bytes + offset, sizeof value);
  return true;
}

// The interpreter of a "#!" line, cut at the first blank, as the kernel does; false when there is
// none.
bool script_interpreter(const Head& head, char* name, std::size_t room) noexcept {
  if (head.size < 2 || head.bytes[0] != '#' || head.bytes[1] != '!') return false;
  std::size_t at = 2;
  while (at < head.size && (head.bytes[at] == ' ' || head.bytes[at] == '\t'))
    ++at;
  std::size_t used = 0;
  for (; at < head.size && used + 1 < room; ++at) {
    const char c = head.bytes[at];
    if (c == '\n' || c == ' ' || c == '\t' || c == '\0') break;
    name[used++] = c;
  }
  name[used] = '\0';
  return used > 0;
}

// The text of PT_INTERP. Both classes of ELF: their headers differ in widths only.
template <typename Header, typename Segment>
bool elf_interpreter(const Head& head, char* name, std::size_t room) noexcept {
  Header header;
  if (!take(head, 0, header)) return false;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Segment segment;
    const std::uint64_t offset =
        header.e_phoff + std::uint64_t{i} * static_cast<std::uint64_t>(sizeof segment);
    if (!take(head, offset, segment)) return false;
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset >= head.size) return false;
    std::size_t used = 0;
    for (std::uint64_t at = segment.p_offset;
         at < head.size && used + 1 < room && used < segment.p_filesz && head.bytes[at] != '\0';
         ++at)
      name[used++] = head.bytes[at];
    name[used] = '\0';
    return used > 0;
  }
  return false;
}

bool is_elf(const Head& head) noexcept {
  return head.size >= EI_NIDENT && std::memcmp(head.bytes, ELFMAG, SELFMAG) == 0;
}

bool interpreter_of(const Head& head, char* name, std::size_t room) noexcept {
  if (!is_elf(head)) return script_interpreter(head, name, room);
  if (head.bytes[EI_CLASS] == ELFCLASS32)
    return elf_interpreter<Elf32_Ehdr, Elf32_Phdr>(head, name, room);
  return elf_interpreter<Elf64_Ehdr, Elf64_Phdr>(head, name, room);
}

// Follows script → interpreter → loader until one is missing.
bool missing_interpreter(const char* path, char* name, std::size_t room) noexcept {
  Head head;
  if (!read_head(path, head)) return false;
  for (int depth = 0; depth < kMaxInterpreters; ++depth) {
    if (!interpreter_of(head, name, room)) return false;
    if (!file_exists(name)) return true;
    if (!read_head(name, head)) return false;
  }
  return false;
}

void explain_format(ChildContext& context, const char* path) noexcept {
  Head head;
  char interpreter[ChildReport::kTextBytes];
  bool readable = read_head(path, head);
  if (readable && script_interpreter(head, interpreter, sizeof interpreter))
    readable = read_head(interpreter, head);
  std::uint16_t machine = EM_NONE;
  if (readable && is_elf(head) && take(head, offsetof(Elf64_Ehdr, e_machine), machine)) {
    const bool swapped = head.bytes[EI_DATA] == ELFDATA2MSB;
    if (swapped) machine = static_cast<std::uint16_t>(machine >> 8 | (machine & 0xff) << 8);
    if (machine != kOwnMachine) {
      explain(context, ChildDetail::wrong_architecture, machine_name(machine));
      return;
    }
  }
  explain(context, ChildDetail::not_a_program, path);
}

bool is_on_noexec(const char* path) noexcept {
  struct statfs system;
  return call(SYS_statfs, path, &system) == 0 && (system.f_flags & ST_NOEXEC) != 0;
}

} // namespace

bool file_exists(const char* path) noexcept {
  struct stat status;
  return call(SYS_newfstatat, AT_FDCWD, path, &status, 0) == 0;
}

Sight look_at(const char* path, const ChildFile& launcher) noexcept {
  char name[ChildReport::kTextBytes];
  Head head;
  Sight sight = Sight::absent;
  for (int depth = 0; depth <= kMaxInterpreters; ++depth) {
    struct statx status;
    const int result =
        call(SYS_statx, AT_FDCWD, path, 0, STATX_TYPE | STATX_INO | STATX_MNT_ID, &status);
    if (depth == 0 && result != -ENOENT && result != -ENOTDIR && result != -EACCES)
      sight = Sight::present;
    if (result != 0) return sight;
    if (status.stx_mnt_id == launcher.mount && status.stx_ino == launcher.inode)
      return Sight::launcher;
    if (!S_ISREG(status.stx_mode) || !read_head(path, head)) return sight;
    if (!script_interpreter(head, name, sizeof name)) return sight;
    path = name;
  }
  return sight;
}

int explain_exec(ChildContext& context, const char* path, int error) noexcept {
  char name[ChildReport::kTextBytes];
  struct stat status;
  if (error == -ENOENT || error == -ENOTDIR) {
    if (!file_exists(path)) {
      explain(context, ChildDetail::command_not_found, path);
    } else if (missing_interpreter(path, name, sizeof name)) {
      explain(context, ChildDetail::interpreter_missing, name);
    }
  } else if (error == -EACCES) {
    const bool known = call(SYS_newfstatat, AT_FDCWD, path, &status, 0) == 0;
    ChildDetail detail = ChildDetail::command_not_executable;
    if (known && S_ISDIR(status.st_mode))
      detail = ChildDetail::command_is_directory;
    else if (known && (status.st_mode & 0111) != 0 && is_on_noexec(path))
      detail = ChildDetail::command_on_noexec;
    explain(context, detail, path);
  } else if (error == -ENOEXEC) {
    explain_format(context, path);
  }
  explain(context, ChildDetail::command_refused, path);
  return error;
}

} // namespace layerbox::child

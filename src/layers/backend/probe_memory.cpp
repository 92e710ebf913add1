#include "layers/backend/probe_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr const char* kVerdict = "probe";
constexpr std::size_t kMaxVerdictBytes = 4096;

std::string circumstances(const Store& store) {
  struct utsname host {};
  struct statfs fs {};
  if (::uname(&host) != 0) throw_errno(errno, "uname");
  if (::fstatfs(store.root().get(), &fs) != 0) throw_errno(errno, "statfs of the store");
  return fmt::format("{} {}\nfile system {:x}, user kind {}, uid {}\n", host.release, host.version,
                     static_cast<unsigned long>(fs.f_type),
                     static_cast<int>(store.identity().privilege), ::geteuid());
}

class ProbeMemory {
 public:
  ProbeMemory(const Store& store, std::string_view backend)
      : store_(store), path_(RelPath::parse(layout::derived_dir(backend)).child(kVerdict)),
        now_(circumstances(store)) {}

  bool worked() const {
    const auto file = try_open_beneath(store_.root(), path_, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (!file) return false;
    std::string text(kMaxVerdictBytes, '\0');
    const ssize_t size = ::read(file->get(), text.data(), text.size());
    return size >= 0 && text.substr(0, static_cast<std::size_t>(size)) == now_;
  }

  // Made in `staging` first.
  void write(const Staging& staging) const noexcept {
    try {
      write_new_file(staging.dir(), kVerdict, now_, 0600);
      const UniqueFd dir = make_dirs_beneath(store_.root(), path_.parent(), 0700);
      rename_at(staging.dir(), kVerdict, dir, kVerdict);
    } catch (const std::exception&) { // as if it had not been tried
    }
  }

 private:
  const Store& store_;
  RelPath path_;
  std::string now_; // what the verdict depends on; sysctls may too: then the mount itself says so
};

} // namespace

BackendProbe probe_once(const Store& store, std::string_view backend, Remember remember,
                        const std::function<void(FdRef staging)>& attempt, std::string reason) {
  const ProbeMemory memory(store, backend);
  if (memory.worked()) return {true, "worked here before"};
  const Staging staging = store.new_staging();
  attempt(staging.dir());
  if (remember == Remember::yes) memory.write(staging);
  return {true, std::move(reason)};
}

} // namespace layerbox

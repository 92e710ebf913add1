#include "store/blob_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <span>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/temp.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

// The new file lies beside its final name. Without a name of a blob's form it is garbage to
// sweep().
std::string new_name(const Digest& digest) {
  return digest.hex() + '.' + random_token();
}

void write_durably(FdRef blobs, const std::string& name, std::string_view content) {
  const UniqueFd file =
      open_beneath(blobs, RelPath::parse(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  fault_point("store.put_blob.before_write");
  write_all(file, std::as_bytes(std::span(content)), name);
  if (::fchmod(file.get(), 0444) != 0) throw_errno(errno, "set the mode of '" + name + "'");
  fault_point("store.put_blob.before_fsync");
  fsync_fd(file, name);
}

void publish(FdRef blobs, const Digest& digest, std::string_view content) {
  const std::string fresh = new_name(digest);
  try {
    write_durably(blobs, fresh, content);
    fault_point("store.put_blob.before_rename");
    rename_at(blobs, fresh.c_str(), blobs, digest.hex().c_str());
  } catch (const Error&) {
    ::unlinkat(blobs.get(), fresh.c_str(), 0); // a failure here is sweep()'s to mend
    throw;
  }
  fault_point("store.put_blob.after_rename");
  fsync_fd(blobs, layout::kBlobs);
}

} // namespace

bool has_blob(FdRef root, const Digest& digest) {
  const UniqueFd blobs =
      open_beneath(root, RelPath::parse(layout::kBlobs), O_PATH | O_DIRECTORY | O_CLOEXEC);
  return try_stat_at(blobs, digest.hex().c_str()).has_value();
}

void put_blob(FdRef root, const Digest& digest, std::string_view content) {
  with_context([&] { return "store blob " + digest.str(); },
               [&] {
                 if (const Digest found = sha256(content); found != digest)
                   throw Error(ErrorKind::corrupt, "the content has the digest " + found.str());
                 publish(open_beneath(root, RelPath::parse(layout::kBlobs),
                                      O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                         digest, content);
               });
}

std::string read_blob(FdRef root, const Digest& digest, std::size_t max_bytes) {
  return with_context([&] { return "read blob " + digest.str(); },
                      [&] {
                        std::string content =
                            read_small_file(root, RelPath::parse(layout::blob(digest)), max_bytes);
                        if (const Digest found = sha256(content); found != digest) {
                          Error error(ErrorKind::corrupt,
                                      "the stored content has the digest " + found.str());
                          error.set_hint("the disk or somebody changed it; import the image again");
                          throw error;
                        }
                        return content;
                      });
}

} // namespace layerbox

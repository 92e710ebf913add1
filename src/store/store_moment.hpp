// store_moment: in which state the store is, told without opening its database, and files that say
// what was found in that state.
//
//     const auto then = StoreMoment::now(store.root(), StoreMoment::Of::database);
//     ... read the database ...
//     if (then) remember(store.root(), name, *then, text);
//
//     if (const auto now = StoreMoment::now(…))
//       if (const auto text = recall(store.root(), name, *now)) …      // nothing has changed since
//
// A moment is the size and the time of the last write of the database and of its log, or of all
// that shows that something has happened in the store. Two moments are the same only while none of
// them was written to. What could make a changed file look unchanged:
//
// - two writes within one tick of the file system's clock: what was found is written down only when
//   the last write was some ticks ago;
// - a power cut, after which the kernel may have kept the content and not its time: the boot's id
//   and the mount's are part of a moment.
//
// What is written down here is never needed: it is not synced, and every failure is as if it were
// not there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

class StoreMoment {
 public:
  enum class Of : std::uint8_t {
    database,
    all, // and of staging/ and trash/: who imports or removes begins or ends there
  };
  // Nothing where the kernel does not tell what is needed. `root` is the store's directory.
  static std::optional<StoreMoment> now(FdRef root, Of of);
  // Whether a write from now on is sure to make another moment.
  bool is_past() const;
  // What it was of, now.
  std::optional<StoreMoment> again(FdRef root) const { return now(root, of_); }
  const std::string& text() const { return text_; } // the same for the same moment
  friend bool operator==(const StoreMoment& a, const StoreMoment& b) { return a.text_ == b.text_; }

 private:
  explicit StoreMoment(Of of) : of_(of) {}
  Of of_;
  std::string text_;
  std::int64_t last_write_ns_ = 0; // since 1970
  bool whole_seconds_ = false;     // the file system may count no finer
};

inline constexpr std::size_t kMaxRememberedBytes = std::size_t{64} << 10;

// Writes `what` down in `name`, below the store's root, if `then` is past and still now.
void remember(FdRef root, const RelPath& name, const StoreMoment& then,
              std::string_view what) noexcept;
std::optional<std::string> recall(FdRef root, const RelPath& name, const StoreMoment& now);

// Where to write down what was found of `subject`: one of a fixed number of files of `kind`, so
// that their number has an end. What is written there begins with its subject, as others have the
// same place.
RelPath remembered_place(std::string_view kind, std::string_view subject);

} // namespace layerbox

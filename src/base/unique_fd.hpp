// unique_fd: who owns a file descriptor. UniqueFd owns and closes, FdRef borrows.
//
//     UniqueFd dir = open_dir(parent, "usr");
//     make_file(dir, "a");            // takes FdRef
#pragma once

#include <unistd.h>

#include <utility>

namespace layerbox {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  // Errors of close are ignored: what must be durable is synced before.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0 && fd_ != fd) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// A borrowed descriptor; valid while its owner lives.
class FdRef {
 public:
  explicit FdRef(int fd) noexcept : fd_(fd) {}
  FdRef(const UniqueFd& owner) noexcept : fd_(owner.get()) {} // NOLINT(google-explicit-constructor)
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

} // namespace layerbox

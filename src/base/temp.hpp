// temp: a private directory that goes away with its holder.
#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace layerbox {

// 128 random bits as 32 hex digits (getrandom(2)).
std::string random_token();

class TempDir {
 public:
  // Makes "<prefix><token>" with mode 0700 in $TMPDIR, or in /tmp. Throws Error.
  explicit TempDir(const std::string& prefix = "layerbox-");
  // The same in the directory `parent`, which may go before this does.
  explicit TempDir(FdRef parent, const std::string& prefix = "layerbox-");
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir(); // removes all of it; what cannot be removed is left

  const std::string& path() const { return path_; }
  FdRef dir() const { return dir_; }

 private:
  UniqueFd parent_;
  std::string name_;
  std::string path_; // as it was when it was made
  UniqueFd dir_;
};

} // namespace layerbox

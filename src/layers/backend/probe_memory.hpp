// probe_memory: that a backend has worked here, remembered in derived/<backend>/probe for this
// kernel, file system and kind of user, so that `--backend auto` costs a start four system calls.
// That one did not work is never remembered.
#pragma once

#include <string>
#include <string_view>

#include "base/rel_path.hpp"
#include "store/store.hpp"

namespace layerbox {

class ProbeMemory {
 public:
  // Throws Error.
  ProbeMemory(const Store& store, std::string_view backend);
  bool worked() const;
  // That it works; made in `staging` first. What hinders it hinders nothing else: it saves time.
  void write(const Staging& staging) const noexcept;

 private:
  RelPath path() const;

  const Store& store_;
  std::string backend_;
  std::string now_; // what the verdict depends on; sysctls may too: then the mount itself says so
};

} // namespace layerbox

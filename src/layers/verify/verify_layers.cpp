#include "layers/verify/verify_layers.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>

#include "base/fs_at.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox {
namespace {

class VerifyingAll {
 public:
  VerifyingAll(const Store& store, std::size_t count,
               const std::function<LayerToVerify(std::size_t)>& layer, VerifyDepth depth,
               Progress& progress)
      : store_(store), layer_(layer), depth_(depth), progress_(progress), found_(count) {}

  std::vector<VerifiedLayer> run(FdRef staging) {
    constexpr const char* kOther = "other"; // each makes its trees in a directory of its own
    if (found_.size() < 2 || std::thread::hardware_concurrency() < 2) {
      work(staging, Telling::yes);
      return std::move(found_);
    }
    make_dir_at(staging, kOther, 0700);
    const UniqueFd other = open_beneath(staging, RelPath::parse(kOther), kOpenDir);
    std::exception_ptr failure;
    std::jthread thread = start_quiet_thread([&] {
      try {
        work(other, Telling::no);
      } catch (...) {
        failure = std::current_exception();
        next_ = found_.size();
      }
    });
    try {
      work(staging, Telling::yes);
    } catch (...) {
      next_ = found_.size();
      throw;
    }
    thread.join();
    if (failure) std::rethrow_exception(failure);
    return std::move(found_);
  }

 private:
  enum class Telling : std::uint8_t { yes, no }; // a bar shows the work of one of them

  void work(FdRef staging, Telling telling) {
    for (std::size_t i = next_++; i < found_.size(); i = next_++) {
      const LayerToVerify layer = layer_(i);
      if (telling == Telling::yes)
        progress_.begin(fmt::format("layer sha256:{} ({}/{})",
                                    layer.row.key.diff_id.hex().substr(0, 12), i + 1,
                                    found_.size()),
                        depth_ == VerifyDepth::whole ? layer.row.tar_bytes : 0);
      std::function<void(std::uint64_t)> advance;
      if (telling == Telling::yes) advance = [&](std::uint64_t bytes) { progress_.advance(bytes); };
      found_[i] = verify_layer(store_, layer, staging, depth_, advance);
      if (telling == Telling::yes) progress_.end();
    }
  }

  const Store& store_;
  const std::function<LayerToVerify(std::size_t)>& layer_;
  VerifyDepth depth_;
  Progress& progress_;
  std::vector<VerifiedLayer> found_;
  std::atomic<std::size_t> next_ = 0;
};

} // namespace

std::vector<VerifiedLayer>
verify_layers(const Store& store, std::size_t count,
              const std::function<LayerToVerify(std::size_t number)>& layer, FdRef staging,
              VerifyDepth depth, Progress& progress) {
  return VerifyingAll(store, count, layer, depth, progress).run(staging);
}

} // namespace layerbox

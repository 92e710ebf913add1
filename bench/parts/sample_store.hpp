// sample_store: a real store with images of known shapes, for the benchmarks of the parts.
//
// It lies in a directory of its own in $TMPDIR, which says which file system is measured, and goes
// with the program. Files are small and differ, as most of an image's do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/temp.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox::bench {

struct Shape {
  std::size_t layers = 1;
  std::size_t files = 0; // in each layer: a hundred in a directory
};

// Called "files/<layer>/…"; bytes of a tar.
std::string sample_layer(std::size_t layer, std::size_t files);

class SampleStore {
 public:
  // The one of this program. Throws Error.
  static SampleStore& get();

  Store& store() { return store_; }
  // The chain of an image of that shape, imported at first use.
  std::vector<LayerKey> chain(Shape shape);
  // So many images, of one layer, are there: image-0, image-1, ….
  void grow_to(std::size_t images);

  ContainerLease new_container(const std::vector<LayerKey>& layers);
  void remove_container(const std::string& id);

 private:
  SampleStore();

  TempDir dir_;
  Store store_;
  std::size_t images_ = 0;
};

} // namespace layerbox::bench

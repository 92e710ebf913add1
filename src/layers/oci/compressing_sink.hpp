// compressing_sink: bytes on their way out, compressed. The same bytes give the same result: no
// time, no name, no threads.
//
//     auto gzip = make_compressing_sink(out, Compression::gzip);
//     … gzip->write(…) …   gzip->finish();
//
// Source: RFC 1952 (gzip), RFC 8878 (zstd).
#pragma once

#include <memory>

#include "base/stream.hpp"
#include "layers/oci/compression.hpp"

namespace layerbox {

class CompressingSink : public Sink {
 public:
  // Writes what is still held back, and the end. To be called once, after the last write().
  virtual void finish() = 0;
};

// none, gzip or zstd; Throws Error(invalid_argument) for others. `out` outlives the result.
std::unique_ptr<CompressingSink> make_compressing_sink(Sink& out, Compression compression);

} // namespace layerbox

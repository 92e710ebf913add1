// output_file: where an archive goes: -o FILE, or standard output.
//
//     OutputFile out(flags_.output, "exporting 'debian:12'", invocation.progress());
//     write_tar(out);
//     out.commit();                  // now FILE is there; before, whatever it was
//
// FILE is written without a name, or, where the file system cannot do that, under one of its own
// beside it, and takes its place when it is whole and on the disk. What is no regular file (a fifo,
// /dev/null) is written into. A terminal gets no archive.
#pragma once

#include <optional>
#include <string>

#include "base/progress.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

class OutputFile : public Sink {
 public:
  // No `path`, or "-", is standard output. `what` is for the progress. Throws Error; UsageError for
  // a terminal.
  OutputFile(const std::optional<std::string>& path, const std::string& what, Progress& progress);
  // Removes what was not committed.
  ~OutputFile() override;

  void write(std::span<const std::byte> data) override;
  void commit();

 private:
  void open_file(const std::string& path);
  void open_without_name(const std::string& directory);
  bool give_name(const std::string& name) const;

  Progress& progress_;
  std::string shown_; // for messages
  UniqueFd directory_;
  UniqueFd file_;              // none for standard output
  std::string name_;           // in the directory; "" for what is written into
  std::string temporary_name_; // in the directory, while there is one
  std::uint64_t done_bytes_ = 0;
};

} // namespace layerbox

// export: a whole root file system as one tar.
#include <fmt/format.h>

#include "cli/enter_user_namespace.hpp"
#include "cli/output_file.hpp"
#include "cli/rootfs_operand.hpp"
#include "cli/verbs.hpp"
#include "layers/tar/tar_writer.hpp"
#include "layers/view/tell_view.hpp"

namespace layerbox {
namespace {

class ExportVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "All layers of an image, or all that a container sees, as a plain tar of files, without "
        "the image's config. The same files give the same tar, to the byte. Volumes, empty mount "
        "points that were made for the container, and sockets are left out; of a container that "
        "runs, files are as they are at that moment.\n\n"
        "FILE is there when it is whole, and what had its name before is there until then.");
    line.operand("REF|CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.text("-o,--output", output_, "FILE", "write to this file, not to standard output");
    line.example("layerbox export -o rootfs.tar debian:12", "an image as one tar");
    line.example("layerbox export build | tar -xf - usr/bin/tool", "one file of a container");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] { return write(invocation, store); });
  }

 private:
  int write(Invocation& invocation, Store& store) {
    store.sweep();
    const Staging nothing_goes = store.new_staging();
    const RootfsOperand operand = RootfsOperand::open(store, reference_, Records::read);
    OutputFile out(output_, fmt::format("exporting '{}'", reference_), invocation.progress());
    TarWriter tar(out, TarKind::rootfs);
    tell_view(operand.view(), store.identity(), tar);
    operand.require_still_there();
    out.commit();
    return exit_code::kDone;
  }

  std::string reference_;
  std::optional<std::string> output_;
};

} // namespace

std::unique_ptr<Verb> make_export_verb() {
  return std::make_unique<ExportVerb>();
}

} // namespace layerbox
